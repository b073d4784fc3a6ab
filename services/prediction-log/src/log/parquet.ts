import { parquetWriteBuffer } from 'hyparquet-writer';
import type { LabelEntry, PredictionEntry } from '../store/files.ts';

// Written for Spark, pandas and DuckDB alike: plain columns, bodies as JSON text, snappy.

const pick = <Row, Key extends keyof Row>(rows: readonly Row[], key: Key): Row[Key][] =>
  rows.map((row) => row[key]);

const times = (values: readonly (Date | string)[]): Date[] => values.map((value) => new Date(value));

export const predictionsFile = (rows: readonly PredictionEntry[]): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'request_id', data: pick(rows, 'request_id'), type: 'STRING' },
        { name: 'time', data: times(pick(rows, 'time')), type: 'TIMESTAMP' },
        { name: 'team', data: pick(rows, 'team'), type: 'STRING' },
        { name: 'predictor', data: pick(rows, 'predictor'), type: 'STRING' },
        { name: 'fallback_from', data: pick(rows, 'fallback_from'), type: 'STRING' },
        { name: 'status', data: pick(rows, 'status'), type: 'INT32' },
        { name: 'milliseconds', data: pick(rows, 'milliseconds'), type: 'DOUBLE' },
        { name: 'request', data: pick(rows, 'request'), type: 'STRING' },
        { name: 'response', data: pick(rows, 'response'), type: 'STRING' },
      ],
    }),
  );

/** `label` is a JSON list. A request told of twice is here twice: the later `labelled_at` counts. */
export const labelsFile = (rows: readonly LabelEntry[]): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'request_id', data: pick(rows, 'request_id'), type: 'STRING' },
        { name: 'time', data: times(pick(rows, 'time')), type: 'TIMESTAMP' },
        { name: 'label', data: pick(rows, 'label'), type: 'STRING' },
        { name: 'labelled_at', data: times(pick(rows, 'labelled_at')), type: 'TIMESTAMP' },
      ],
    }),
  );
