/**
 * Two works side by side. Both have ended when it resolves or rejects, so that nothing goes on behind a failure's back;
 * rejects with the one failure, or with an AggregateError of both.
 */
export const together = async <A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> => {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected' && b.status === 'rejected')
    throw new AggregateError([a.reason, b.reason], `${a.reason}\n${b.reason}`);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
};
