import type { PipelineRun } from '../upstreams/pipelines.ts';
import { type Html, html, type Part } from './html.ts';
import type { Shown } from './overview.ts';
import { type Column, empty, note, section, state, type Tone, table } from './parts.ts';
import { ago, duration } from './words.ts';

const columns: readonly Column[] = [
  { title: 'DAG' },
  { title: 'State' },
  { title: 'Started' },
  { title: 'Took', kind: 'number' },
  { title: 'Kind' },
];

const tones: Readonly<Record<string, Tone>> = {
  success: 'good',
  running: 'busy',
  queued: 'busy',
  failed: 'bad',
};

const row = ({ dag, state: how, kind, started, ended, url }: PipelineRun, now: number): readonly Part[] => [
  html`<a href="${url}">${dag}</a>`,
  state(tones[how] ?? 'quiet', how),
  ago(started, now),
  started === undefined ? '–' : duration(((ended?.getTime() ?? now) - started.getTime()) / 1000),
  kind.replaceAll('_', ' '),
];

/** The latest runs of the DAGs that the person may see. */
export const pipelines = ({ overview, now }: Shown): Html | false => {
  const { runs } = overview;
  if (runs === undefined) return false;
  if (runs.kind === 'missing') return section('pipelines', 'Pipeline runs', note(`${runs.why}.`));
  return section(
    'pipelines',
    'Pipeline runs',
    runs.value.length === 0
      ? empty('No DAG of your teams has run yet.')
      : table(
          'Recent runs of pipelines',
          columns,
          runs.value.map((run) => row(run, now)),
        ),
  );
};
