import type { Logger } from 'pino';
import type { Metrics } from '../metrics.ts';
import type { Database, Queries } from '../store/database.ts';
import type { Subject } from '../store/predictions.ts';
import {
  alone,
  assessed,
  baselineOf,
  countLabels,
  type Finding,
  fullAssessments,
  fullWindows,
  lastAsked,
  latest,
  newLabels,
  nextRows,
  observed,
  record,
} from '../store/windows.ts';
import { type Baseline, baseline as schema } from './baseline.ts';
import { Findings, keptDays } from './findings.ts';
import { pairsOf, type Tally, tallyOf } from './pairs.ts';
import { quality, type Score, thresholds } from './statistics.ts';
import { WindowColumns } from './window.ts';

/** Requests read at a time: bodies of this many are in memory, not of a whole window. */
const page = 20;
/** Labels counted at a time. */
const labelsAtOnce = 1000;

export interface WatchRules {
  /** Rows that are compared with the baseline at a time. */
  readonly rows: number;
  /** What was found of a version that nobody has asked for so many minutes is exported no longer. */
  readonly staleMinutes: number;
}

/** Closes windows when they are full, and says what moved. */
export class Watch {
  readonly #database: Database;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #rows: number;
  readonly #known: Findings;

  constructor(database: Database, metrics: Metrics, logger: Logger, { rows, staleMinutes }: WatchRules) {
    this.#database = database;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#rows = rows;
    this.#known = new Findings(staleMinutes);
  }

  /** What was found before this process began: an alert must not end because of a restart. */
  async resume(): Promise<void> {
    for (const { at, ...subject } of await lastAsked(this.#database, this.#known.staleMinutes))
      this.#known.asked([subject], at.getTime());
    for (const { closed, ...finding } of await latest(this.#database, keptDays))
      this.#known.add(finding, closed.getTime());
    this.#metrics.found(this.#known.current(Date.now()));
  }

  /** Somebody has asked these versions. */
  asked(subjects: readonly Subject[]): void {
    this.#known.asked(subjects, Date.now());
  }

  /** The version has another baseline: what was found against the one before says nothing of it. */
  forget(subject: Subject): void {
    this.#known.forget(subject);
    this.#metrics.found(this.#known.current(Date.now()));
  }

  /** Closes every window that is full, and exports what is known of versions in use; resolves to what was found. */
  async step(now = Date.now()): Promise<readonly Finding[]> {
    const found: Finding[] = [];
    for (const subject of await fullWindows(this.#database, this.#rows)) {
      const finding = await alone(this.#database, subject, (queries) => this.#window(queries, subject));
      if (finding !== undefined) found.push(finding);
    }
    for (const subject of await fullAssessments(this.#database, this.#rows)) {
      const finding = await alone(this.#database, subject, (queries) => this.#assess(queries, subject));
      if (finding !== undefined) found.push(finding);
    }
    for (const finding of found) this.#tell(finding, now);
    this.#metrics.found(this.#known.current(now));
    return found;
  }

  /** Labels that have come since, in the counters of their predictions' versions. */
  async count(): Promise<void> {
    let labels: number;
    do {
      // They are in the counters when the database knows that they are: a failure before that loses none.
      const counted = await this.#database.transaction((queries) => this.#uncounted(queries));
      for (const { subject, tally } of counted) this.#metrics.judged(subject, tally);
      labels = counted.reduce((sum, each) => sum + each.labels, 0);
    } while (labels === labelsAtOnce);
  }

  /** Marks the next labels as counted; resolves to what they say, by version. */
  async #uncounted(
    queries: Queries,
  ): Promise<readonly { readonly subject: Subject; readonly labels: number; readonly tally: Tally }[]> {
    const rows = await countLabels(queries, labelsAtOnce);
    const groups = Map.groupBy(rows, ({ team, model, version }) => JSON.stringify({ team, model, version }));
    const counted = [];
    for (const [key, labels] of groups) {
      const subject = JSON.parse(key) as Subject;
      const kind = (await this.#baseline(queries, subject))?.quality?.kind ?? 'accuracy';
      const pairs = labels.flatMap(({ predicted, label }) => pairsOf(predicted, label));
      counted.push({ subject, labels: labels.length, tally: tallyOf(kind, pairs) });
    }
    return counted;
  }

  async #window(queries: Queries, subject: Subject): Promise<Finding | undefined> {
    const known = await this.#baseline(queries, subject);
    const columns = known === undefined ? undefined : new WindowColumns(known);
    let [last, rows] = [0, 0];
    let times: readonly [Date, Date] | undefined;
    while (rows < this.#rows) {
      const next = await nextRows(queries, subject, last, page);
      if (next.length === 0) return undefined;
      for (const row of next) {
        if (rows >= this.#rows) break;
        columns?.add(row.request, row.response, row.rows);
        times = [times?.[0] ?? row.time, row.time];
        rows += row.rows;
        last = row.seq;
      }
    }
    await observed(queries, subject, last);
    this.#metrics.windows.inc({ ...subject, result: columns === undefined ? 'no_baseline' : 'compared' });
    if (columns === undefined || times === undefined) return undefined;
    const [from, to] = times;
    const finding: Finding = {
      ...subject,
      ...{ kind: 'window', rows, first: from, last: to, scores: columns.scores() },
    };
    await record(queries, finding);
    return finding;
  }

  async #assess(queries: Queries, subject: Subject): Promise<Finding | undefined> {
    const known = await this.#baseline(queries, subject);
    const rows = await newLabels(queries, subject, this.#rows);
    await assessed(
      queries,
      subject,
      rows.map(({ request_id }) => request_id),
    );
    const pairs = rows.flatMap(({ predicted, label }) => pairsOf(predicted, label));
    const score = known?.quality === undefined ? undefined : quality(known.quality, pairs);
    const [first, last] = [rows[0], rows.at(-1)];
    if (score === undefined || first === undefined || last === undefined) return undefined;
    const finding: Finding = {
      ...subject,
      ...{
        kind: 'quality',
        rows: pairs.length,
        first: first.time,
        last: last.time,
        scores: { quality: [score] },
      },
    };
    await record(queries, finding);
    return finding;
  }

  /** One of a form that isn't known here counts as none. */
  async #baseline(queries: Queries, subject: Subject): Promise<Baseline | undefined> {
    const content = await baselineOf(queries, subject);
    if (content === undefined) return undefined;
    const found = schema.safeParse(JSON.parse(content));
    if (!found.success) this.#logger.warn(subject, "its baseline isn't one any more: record it again");
    return found.data;
  }

  #tell(finding: Finding, at: number): void {
    this.#known.add(finding, at);
    const { team, model, version, kind, rows } = finding;
    const moved = Object.entries(finding.scores).flatMap(([field, scores]) =>
      scores.filter(isDrift).map(({ check, value }) => ({ field, check, value })),
    );
    const level = moved.length > 0 ? 'warn' : 'info';
    this.#logger[level]({ team, model, version, kind, rows, moved }, 'compared with the baseline');
  }
}

export const isDrift = ({ check, value }: Score): boolean => value >= thresholds[check];
