import type { Rights } from '../session/person.ts';
import type { AssetPaths } from '../web/assets.ts';
import { type Html, html, type Part } from './html.ts';
import type { FormToken } from './parts.ts';

export interface Frame {
  /** What the environment is called. */
  readonly name: string;
  readonly assets: AssetPaths;
  /** Unset: nobody is signed in. */
  readonly who?: { readonly rights: Rights; readonly token: FormToken };
}

/** What was done, or why it wasn't, after a button. */
export interface Message {
  readonly tone: 'good' | 'bad';
  readonly text: string;
}

const mark = html`<svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path d="M4 4h16v3H4zM7 8.5h10V16H7zM3 17.5h18V21H3z"/></svg>`;

const header = ({ name, who }: Frame): Html => html`
<header class="top"><div class="wide">
<a class="brand" href="/">${mark}<span>Plinth</span></a><span class="domain">${name}</span>
${
  who !== undefined &&
  html`<div class="who"><span class="person">${who.rights.person.name}</span>
<ul class="teams" aria-label="Your teams">${who.rights.own.map((team) => html`<li>${team.name}</li>`)}${
    who.rights.administers && html`<li class="admin">administrator</li>`
  }</ul>
<form method="post" action="/sign-out"><input type="hidden" name="token" value="${who.token.value}"><button class="plain">Sign out</button></form></div>`
}
</div></header>`;

/** A whole document. Everything that it loads is the portal's own. */
export const page = (frame: Frame, title: string, content: Part, scripts = false): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${frame.assets['icon.svg']}" type="image/svg+xml">
${scripts && html`<link rel="stylesheet" href="${frame.assets['uplot.css']}">`}
<link rel="stylesheet" href="${frame.assets['portal.css']}">
${
  scripts &&
  html`<script src="${frame.assets['uplot.js']}" defer></script>
<script src="${frame.assets['portal.js']}" defer></script>`
}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${header(frame)}
<main id="main" class="wide" tabindex="-1">
${content}
</main>
</body>
</html>
`.text;

/** Little to say: why something isn't there or may not be done, and the way back. */
export const plainPage = (frame: Frame, title: string, text: string): string =>
  page(
    frame,
    `${title} · Plinth`,
    html`<div class="alone"><h1>${title}</h1><p>${text}</p><p><a href="/">To the first page</a></p></div>`,
  );
