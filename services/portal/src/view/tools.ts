import type { Health } from '../domain/health.ts';
import type { Overview } from '../domain/overview.ts';
import type { Platform, Tool } from '../platform.ts';
import type { Rights } from '../session/person.ts';
import { type Html, html } from './html.ts';
import { section, state } from './parts.ts';

const mayUse = ({ audience }: Tool, rights: Rights): boolean => {
  if (audience === 'everybody') return true;
  if (audience === 'administrators') return rights.administers;
  return rights.sees(audience.team);
};

const healthOf = ({ workload }: Tool, all: readonly Health[]): Health | undefined =>
  all.find(({ namespace, name }) => namespace === workload.namespace && name === workload.name);

const card = (tool: Tool, health: Health | undefined): Html => html`
<li><a class="tool" href="${tool.url}"><span class="title">${tool.title}</span>${
  health?.state === 'ill' && state('bad', 'ill')
}${health?.state === 'starting' && state('busy', 'starting')}<span class="about">${tool.about}</span></a></li>`;

export interface ToolsShown {
  readonly platform: Platform;
  readonly rights: Rights;
  readonly overview: Pick<Overview, 'health'>;
}

/** Tools that the person may use, and that run: what isn't installed on this cluster doesn't show. */
export const tools = ({ platform, rights, overview }: ToolsShown): Html => {
  const { items, notes } = overview.health;
  const usable = platform.tools
    .filter((tool) => mayUse(tool, rights))
    .map((tool) => ({ tool, health: healthOf(tool, items) }))
    .filter(({ health }) => health !== undefined || notes.length > 0);
  return section(
    'tools',
    'Tools',
    html`<ul class="tools">${usable.map(({ tool, health }) => card(tool, health))}</ul>`,
  );
};
