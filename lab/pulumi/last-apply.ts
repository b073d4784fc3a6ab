import { lastApply } from '../../constructs/contracts/last-apply.ts';

export interface Applied {
  readonly stack: string;
  readonly ended: Date;
  readonly seconds: number;
  /** False where a part could not be applied. */
  readonly succeeded: boolean;
}

const series = (name: string, help: string, stack: string, value: number): string =>
  `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name}{stack="${stack}"} ${value}\n`;

/** What `lastApply` names, with what Prometheus reads of an update. */
export const lastApplyObject = ({ stack, ended, seconds, succeeded }: Applied) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: lastApply.configMap,
    namespace: lastApply.namespace,
    labels: { 'app.kubernetes.io/part-of': 'plinth' },
  },
  data: {
    [lastApply.targets]: JSON.stringify([{ targets: ['localhost:9090'] }]),
    [lastApply.metrics]: [
      series(
        'plinth_apply_end_timestamp_seconds',
        'When the last update of the stack ended.',
        stack,
        Math.round(ended.getTime() / 1000),
      ),
      series('plinth_apply_duration_seconds', 'How long it took.', stack, Math.round(seconds * 10) / 10),
      series('plinth_apply_succeeded', '1 where all of it was applied.', stack, succeeded ? 1 : 0),
    ].join(''),
  },
});

export interface Recorder {
  readonly stack: string;
  /** Applies an object to the cluster, whoever had it before. */
  readonly apply: (object: ReturnType<typeof lastApplyObject>) => Promise<unknown>;
  readonly note: (text: string) => void;
}

/** Runs an update and leaves behind what came of it. That this can't be left fails nothing: it is noted. */
export const recorded = async <T>(recorder: Recorder, update: () => Promise<T>): Promise<T> => {
  const { stack, apply, note } = recorder;
  const began = performance.now();
  const leave = async (succeeded: boolean): Promise<void> => {
    const seconds = (performance.now() - began) / 1000;
    await apply(lastApplyObject({ stack, ended: new Date(), seconds, succeeded })).catch((error: Error) =>
      note(`Prometheus is not told of this update: ${error.message.split('\n')[0]}`),
    );
  };
  try {
    const result = await update();
    await leave(true);
    return result;
  } catch (error) {
    await leave(false);
    throw error;
  }
};
