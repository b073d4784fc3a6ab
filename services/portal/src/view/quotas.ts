import type { TeamQuota } from '../domain/overview.ts';
import type { Use } from '../domain/quota.ts';
import { type Html, html } from './html.ts';
import type { Shown } from './overview.ts';
import { empty, note, section } from './parts.ts';
import { number } from './words.ts';

const nearlyFull = 0.9;

const use = ({ title, used, hard, unit }: Use): Html => {
  const share = hard === 0 ? 1 : Math.min(1, used / hard);
  return html`<div class="use"><dt>${title}</dt><dd>${number(used)} of ${number(hard)} ${unit}${
    share >= nearlyFull && html` <strong class="loud">nearly full</strong>`
  }</dd><svg class="bar${share >= nearlyFull && ' full'}" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="part0" width="${Math.round(share * 100)}" height="1"/></svg></div>`;
};

const team = ({ team: name, uses }: TeamQuota): Html =>
  html`<h3>${name}</h3>${
    uses.kind === 'missing'
      ? note(`${uses.why}.`)
      : uses.value.length === 0
        ? empty('Nothing is limited.')
        : html`<dl class="uses">${uses.value.map(use)}</dl>`
  }`;

/** What the person's teams have asked for, of what they may have. */
export const quotas = ({ overview }: Shown): Html | false =>
  overview.quotas.length > 0 && section('quota', 'Quota', html`${overview.quotas.map(team)}`);
