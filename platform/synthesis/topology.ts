/** A walk that came back to a node it hadn't finished: the nodes of the circle, each needing the next. */
export interface Cycle {
  readonly cycle: readonly number[];
}

/**
 * Puts nodes 0 to `count - 1` after everything they need, and otherwise leaves them in the order of their numbers.
 * Linear in nodes and needs, and without recursion, so that a chain of any length is no stack overflow.
 */
export const topology = (
  count: number,
  needs: (node: number) => readonly number[],
): readonly number[] | Cycle => {
  const order: number[] = [];
  const state = new Uint8Array(count); // 0 not seen, 1 on the path, 2 placed
  const path: number[] = [];
  const pending: (readonly number[])[] = [];
  const position: number[] = [];
  const enter = (node: number): void => {
    state[node] = 1;
    path.push(node);
    pending.push(needs(node));
    position.push(0);
  };
  for (let first = 0; first < count; first += 1) {
    if (state[first] !== 0) continue;
    enter(first);
    while (path.length > 0) {
      const top = path.length - 1;
      const at = position[top] ?? 0;
      const next = pending[top]?.[at];
      if (next === undefined) {
        const done = path[top] ?? first;
        state[done] = 2;
        order.push(done);
        path.pop();
        pending.pop();
        position.pop();
        continue;
      }
      position[top] = at + 1;
      if (state[next] === 0) enter(next);
      else if (state[next] === 1) return { cycle: path.slice(path.indexOf(next)) };
    }
  }
  return order;
};
