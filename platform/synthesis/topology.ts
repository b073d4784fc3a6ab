/** A walk that came back to a node it hadn't finished: the nodes of the circle, each needing the next. */
export interface Cycle {
  readonly cycle: readonly number[];
}

/**
 * Puts nodes 0 to `count - 1` after everything they need, and otherwise leaves them in the order of their numbers.
 * `need(node, at)` is the node's need number `at`, undefined after the last one. Linear in nodes and needs, and
 * without recursion, so that a chain of any length is no stack overflow.
 */
export const topology = (
  count: number,
  need: (node: number, at: number) => number | undefined,
): readonly number[] | Cycle => {
  const order: number[] = [];
  const state = new Uint8Array(count); // 0 not seen, 1 on the path, 2 placed
  const position = new Uint32Array(count);
  const path: number[] = [];
  for (let first = 0; first < count; first += 1) {
    if (state[first] !== 0) continue;
    path.push(first);
    state[first] = 1;
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const at = position[node] ?? 0;
      const next = need(node, at);
      if (next === undefined) {
        state[node] = 2;
        order.push(node);
        path.pop();
        continue;
      }
      position[node] = at + 1;
      if (state[next] === 1) return { cycle: path.slice(path.indexOf(next)) };
      if (state[next] === 2) continue;
      path.push(next);
      state[next] = 1;
    }
  }
  return order;
};
