import { ask } from './http.ts';
import { teamToken } from './sign-in.ts';
import { endpoint } from './support.ts';

/** MLflow's REST API, in a team's workspace, as what the team runs. Throws where the answer isn't 200. */
export const registry = async (
  team: string,
  method: string,
  path: string,
  json?: object,
): Promise<Record<string, unknown>> => {
  const answer = await ask(`${endpoint('mlflow').url}/api/2.0/mlflow/${path}`, {
    method,
    ...(json === undefined ? {} : { json }),
    headers: { authorization: `Bearer ${await teamToken(team)}`, 'x-mlflow-workspace': team },
  });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body || '{}') as Record<string, unknown>;
};

/** What a person does in MLflow to have a version deployed. */
export const setChampion = (team: string, name: string, version: number): Promise<unknown> =>
  registry(team, 'POST', 'registered-models/alias', { name, alias: 'champion', version: String(version) });
