/** Of this host alone, for encrypted connections alone, and unseen by scripts: `__Host-` holds browsers to it. */
export const names = {
  session: '__Host-portal',
  attempt: '__Host-portal-sign-in',
  message: '__Host-portal-message',
} as const;

/** Browsers drop longer ones without a word. */
export const longest = 3900;

export const cookie = (name: string, value: string, seconds: number): string =>
  `${name}=${value}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Lax`;

export const expired = (name: string): string => cookie(name, '', 0);

export const readCookies = (header: string | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (header ?? '').split(';').flatMap((part) => {
      const [name = '', ...rest] = part.trim().split('=');
      return name === '' ? [] : [[name, rest.join('=')] as const];
    }),
  );
