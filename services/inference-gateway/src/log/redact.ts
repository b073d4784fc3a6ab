const mark = '[redacted]';

/**
 * Hides fields of a V2 body wherever they are: a member of that name loses its value, a tensor of that name its
 * data. Column names are tensor names, so one list serves both.
 */
export const redact = (body: unknown, fields: ReadonlySet<string>): unknown => {
  if (fields.size === 0 || typeof body !== 'object' || body === null) return body;
  if (Array.isArray(body)) return body.map((item) => redact(item, fields));
  const members = Object.entries(body);
  const named = members.some(([key, value]) => key === 'name' && fields.has(String(value)));
  return Object.fromEntries(
    members.map(([key, value]) => [
      key,
      fields.has(key) || (named && (key === 'data' || key === 'parameters')) ? mark : redact(value, fields),
    ]),
  );
};

/**
 * A body as it goes into the log. What isn't JSON can't be redacted, so it isn't logged at all.
 */
export const loggable = (body: Buffer | undefined, fields: ReadonlySet<string>): unknown => {
  if (body === undefined) return null;
  try {
    return redact(JSON.parse(body.toString('utf8')), fields);
  } catch {
    return null;
  }
};
