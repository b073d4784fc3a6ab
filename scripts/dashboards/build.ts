import {
  LegendDisplayMode,
  LegendPlacement,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { type Dashboard, DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimePanel } from '@grafana/grafana-foundation-sdk/timeseries';

/** Units as Grafana names them. */
export type Unit = 'short' | 'percentunit' | 'bytes' | 's' | 'reqps' | 'cores' | 'ops' | 'Bps';

export interface PanelSpec {
  readonly title: string;
  /** What a reader can't see in the title. */
  readonly says?: string;
  readonly unit: Unit;
  /** Legend (`{{label}}` is the series' own) and PromQL. */
  readonly queries: readonly (readonly [legend: string, expr: string])[];
  /** One number instead of a course over time. */
  readonly now?: true;
}

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  /** Of the provisioned data source: it decides whose series there are. */
  readonly source: 'platform' | 'team';
  readonly rows: readonly { readonly title: string; readonly panels: readonly PanelSpec[] }[];
}

const legend = () =>
  new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom);

const grafanaUnit = (unit: Unit): string => (unit === 'cores' ? 'short' : unit);

const panel = ({ title, says, unit, queries, now }: PanelSpec, source: string) => {
  const made = now
    ? new StatPanel().span(4).height(4)
    : new TimePanel().span(8).height(8).min(0).fillOpacity(10).legend(legend());
  made.title(title).unit(grafanaUnit(unit)).datasource({ type: 'prometheus', uid: source });
  if (says !== undefined) made.description(says);
  for (const [index, [legend, expr]] of queries.entries())
    made.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + index))
        .expr(expr)
        .legendFormat(legend),
    );
  return made;
};

/** A dashboard as Grafana reads it; the same specification gives the same bytes. */
export const build = ({ uid, title, source, rows }: DashboardSpec): Dashboard => {
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .tags(['plinth'])
    .readonly()
    .refresh('1m')
    .time({ from: 'now-6h', to: 'now' })
    .timezone('browser');
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title));
    for (const each of row.panels) dashboard.withPanel(panel(each, source));
  }
  return dashboard.build();
};
