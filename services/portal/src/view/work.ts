import type { SparkSession } from '../domain/spark.ts';
import type { Notebook } from '../upstreams/hub.ts';
import { type Html, html } from './html.ts';
import type { Shown } from './overview.ts';
import { button, type Column, empty, type FormToken, note, notes, section, state, table } from './parts.ts';
import { ago, plural } from './words.ts';

const columns: readonly Column[] = [
  { title: 'Name' },
  { title: 'Team' },
  { title: 'State' },
  { title: 'Started' },
  { title: 'Last used' },
  { title: 'Actions', kind: 'actions' },
];

const tones = { ready: 'good', starting: 'busy', stopping: 'quiet', ended: 'quiet' } as const;

const notebookRow = (person: string, notebook: Notebook, token: FormToken, now: number) => {
  const { name, url, team, size, state: how, started, lastActivity } = notebook;
  const title = name === '' ? 'default' : name;
  const action = `/notebooks/${encodeURIComponent(person)}/${encodeURIComponent(name === '' ? 'default' : name)}/stop`;
  return [
    html`<a href="${url}">${title}</a>${size !== undefined && html` <span class="told">${size}</span>`}`,
    team ?? html`<span class="none">–</span>`,
    state(tones[how], how),
    ago(started, now),
    ago(lastActivity, now),
    how === 'stopping' ? '' : button({ action, text: 'Stop', about: `notebook ${title}` }, token),
  ];
};

const notebooks = ({ overview, rights, urls, token, now }: Shown): Html | false => {
  const { notebooks: found } = overview;
  if (found === undefined) return false;
  if (found.kind === 'missing') return html`<h3>Notebooks</h3>${note(`${found.why}.`)}`;
  const start = html`<a href="${urls.hub}/hub/home">Start one</a>`;
  return html`<h3>Notebooks</h3>${
    found.value.length === 0
      ? empty(html`None of yours runs. ${start}`)
      : table(
          'Your notebooks',
          columns,
          found.value.map((each) => notebookRow(rights.person.name, each, token, now)),
        )
  }`;
};

const sparkColumns: readonly Column[] = [
  { title: 'Session' },
  { title: 'Team' },
  { title: 'State' },
  { title: 'Started' },
  { title: 'For' },
  { title: 'Actions', kind: 'actions' },
];

const sparkRow = (session: SparkSession, person: string, token: FormToken, now: number) => {
  const { name, team, namespace, state: how, reasons, executors, started, client } = session;
  const own = session.person === person;
  return [
    html`${name} <span class="told">${plural(executors, 'executor')}</span>`,
    team,
    html`${state(reasons.length > 0 ? 'bad' : tones[how], how)}${reasons.slice(0, 1).map((reason) => html`<span class="why">${reason}</span>`)}`,
    ago(started, now),
    own ? 'you' : (session.person ?? client ?? 'nobody any more'),
    own && how !== 'stopping'
      ? button(
          { action: `/spark/${namespace}/${name}/stop`, text: 'Stop', about: `Spark session ${name}` },
          token,
        )
      : '',
  ];
};

const sparks = ({ overview, rights, token, now }: Shown): Html => {
  const { items, notes: unknown } = overview.sparks;
  const own = (each: SparkSession): number => Number(each.person === rights.person.name);
  const sorted = [...items].sort((a, b) => own(b) - own(a));
  return html`<h3>Spark sessions</h3>${notes(unknown)}${
    sorted.length > 0
      ? table(
          'Spark sessions of your teams',
          sparkColumns,
          sorted.map((each) => sparkRow(each, rights.person.name, token, now)),
        )
      : unknown.length === 0 && empty(html`None runs. In a notebook: <code>plinth.spark()</code>`)
  }`;
};

/** What runs for the person, each with a button that stops it. */
export const work = (shown: Shown): Html =>
  section('work', 'Running now', html`${notebooks(shown)}${sparks(shown)}`);
