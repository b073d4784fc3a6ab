import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './dashboards/build.ts';
import { platformDashboards } from './dashboards/platform.ts';
import { teamDashboard } from './dashboards/team.ts';

const folder = join(import.meta.dirname, '../constructs/grafana/files/dashboards');

/** Every dashboard by its file in constructs/grafana/files/dashboards; Grafana's library isn't loaded to synthesise. */
export const dashboardFiles = (): ReadonlyMap<string, string> =>
  new Map(
    [
      ...platformDashboards.map((each) => [`${each.uid}.json`, each] as const),
      ['team.json', teamDashboard] as const,
    ].map(([file, each]) => [file, `${JSON.stringify(build(each), undefined, 2)}\n`]),
  );

if (import.meta.main) {
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of dashboardFiles()) writeFileSync(join(folder, file), text);
}
