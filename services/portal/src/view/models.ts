import type { Model } from '../domain/models.ts';
import type { ServedModel } from '../upstreams/promoter.ts';
import { type Html, html, type Part } from './html.ts';
import type { Shown } from './overview.ts';
import {
  button,
  type Column,
  confirmed,
  empty,
  type FormToken,
  notes,
  section,
  state,
  table,
} from './parts.ts';
import { milliseconds, number, percent } from './words.ts';

const columns: readonly Column[] = [
  { title: 'Model' },
  { title: 'Version' },
  { title: 'Traffic' },
  { title: 'Requests/s', kind: 'number' },
  { title: 'p95', kind: 'number' },
  { title: 'Errors', kind: 'number' },
  { title: 'Drift' },
  { title: 'Actions', kind: 'actions' },
];

const none = html`<span class="none">–</span>`;
const maybe = <T>(value: T | undefined, show: (value: T) => Part): Part =>
  value === undefined ? none : show(value);

/** Shares as a bar for the eye and as text for everybody. */
const traffic = ({ traffic: shares }: ServedModel): Html => {
  const asked = shares.filter(({ weight }) => weight > 0);
  const before = (index: number) => asked.slice(0, index).reduce((sum, { weight }) => sum + weight, 0);
  const mirrors = shares.filter(({ mirror }) => mirror).map(({ version }) => `v${version} gets copies`);
  const words = [...asked.map(({ version, weight }) => `v${version} ${weight} %`), ...mirrors].join(', ');
  return html`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">${asked.map(
    ({ weight }, index) =>
      html`<rect class="part${index % 2}" x="${before(index)}" width="${weight}" height="1"/>`,
  )}</svg><span class="words">${words === '' ? 'no requests' : words}</span>`;
};

const rollout = ({ rollout: running }: ServedModel): Html | false => {
  if (running === null) return false;
  const { version, phase, step, steps } = running;
  const current = steps[step];
  if (phase === 'step' && current?.kind === 'approval')
    return html`<span class="why">${state('busy', `v${version} waits for approval`)}</span>`;
  const where =
    phase === 'step' && current !== undefined
      ? `${current.kind}, step ${step + 1} of ${steps.length}`
      : phase;
  return html`<span class="why">${state('busy', `v${version}: ${where}`)}</span>`;
};

const versionOf = ({ served, champion, latest }: Model): Html => {
  const serving = served?.serving;
  const newest = latest !== undefined && latest !== (serving ?? champion);
  return html`${
    serving == null
      ? champion === undefined
        ? html`<span class="told">not served</span>`
        : html`v${champion} <span class="told">champion, not served</span>`
      : html`v${serving}`
  }${newest && html` <span class="told">newest v${latest}</span>`}${served !== undefined && rollout(served)}`;
};

const drift = (fields: readonly string[] | undefined): Part =>
  maybe(fields, (drifted) =>
    drifted.length === 0
      ? state('good', 'none')
      : html`${state('bad', `${drifted.length} moved`)}<span class="why">${drifted.slice(0, 4).join(', ')}</span>`,
  );

const actions = ({ name, served }: Model, token: FormToken): Part => {
  if (served === undefined) return '';
  const { rollout: running, serving } = served;
  const waits = running?.phase === 'step' && running.steps[running.step]?.kind === 'approval';
  const path = `/models/${encodeURIComponent(name)}`;
  const version = running?.version ?? serving;
  if (version === null) return '';
  const seen = { version };
  return html`${waits && button({ action: `${path}/approve`, text: 'Approve', about: `version ${version} of ${name}`, seen }, token)}${confirmed(
    {
      action: `${path}/rollback`,
      text: 'Roll back',
      about: `model ${name}`,
      seen,
      consequence:
        running === null
          ? `The version that served before v${version} comes back.`
          : `The rollout of v${version} ends; ${serving === null ? 'nothing serves' : `v${serving} goes on`}.`,
    },
    token,
  )}`;
};

const row = (model: Model, { rights, urls, token }: Shown): readonly Part[] => {
  const { team, name, measured } = model;
  const place = `${urls.registry}/#/models/${encodeURIComponent(name)}?workspace=${encodeURIComponent(team)}`;
  return [
    html`${urls.registry === undefined ? name : html`<a href="${place}">${name}</a>`}${
      rights.teams.length > 1 && html` <span class="told">${team}</span>`
    }`,
    versionOf(model),
    model.served === undefined ? none : traffic(model.served),
    maybe(measured.rate, number),
    maybe(measured.latency, milliseconds),
    maybe(measured.errors, (share) =>
      share === 0 ? '0 %' : html`<strong class="loud">${percent(share)}</strong>`,
    ),
    drift(measured.drifted),
    actions(model, token),
  ];
};

/**
 * The same numbers as the table's, over time; drawn by a script from /series.json. Place is kept for them where there
 * are requests to draw; else the script makes it when it finds some.
 */
const charts = (expected: boolean): Html => html`<div class="charts" data-series="/series.json">
<p class="told" data-told hidden></p>
${kinds.map(
  ({ kind, title }) =>
    html`<figure${!expected && html` hidden`}><figcaption>${title}</figcaption><div class="chart" data-chart="${kind}"></div></figure>`,
)}
<noscript><p class="note">Charts need JavaScript. The table has the same numbers as of now.</p></noscript>
</div>`;
const kinds = [
  { kind: 'rate', title: 'Requests a second' },
  { kind: 'latency', title: '95th percentile of answers' },
] as const;

/** Models of the person's teams: what serves, how requests are shared, how answers are, and the way back. */
export const models = (shown: Shown): Html | false => {
  const { models: found } = shown.overview;
  if (found === undefined) return false;
  const served = found.items.some((each) => each.served !== undefined);
  const asked = found.items.some(({ measured }) => (measured.rate ?? 0) > 0);
  return section(
    'models',
    'Models',
    html`${notes(found.notes)}${
      found.items.length > 0
        ? table(
            'Models of your teams',
            columns,
            found.items.map((each) => row(each, shown)),
          )
        : found.notes.length === 0 &&
          empty(
            html`No model is registered yet. In a notebook: <code>plinth.track()</code>, then <code>mlflow.register_model()</code>`,
          )
    }${served && charts(asked)}`,
  );
};
