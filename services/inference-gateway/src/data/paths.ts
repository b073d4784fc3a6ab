/** What a path of the Open Inference Protocol asks for. */
export type Target =
  | { readonly kind: 'server' }
  | { readonly kind: 'live' }
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'model';
      readonly action: 'metadata' | 'ready' | 'infer';
      readonly model: string;
      /** Set: that version's predictor answers, whatever the weights say. */
      readonly version: string | undefined;
    };

const modelPath = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/;

/** Undefined for what isn't part of the protocol. A query is ignored. */
export const parsePath = (url: string): Target | undefined => {
  const path = url.split('?', 1)[0] ?? '';
  if (path === '/v2') return { kind: 'server' };
  if (path === '/v2/health/live') return { kind: 'live' };
  if (path === '/v2/health/ready') return { kind: 'ready' };
  const found = modelPath.exec(path);
  if (found === null) return undefined;
  try {
    const action = found[3] === 'infer' ? 'infer' : found[3] === 'ready' ? 'ready' : 'metadata';
    const version = found[2] === undefined ? undefined : decodeURIComponent(found[2]);
    return { kind: 'model', action, model: decodeURIComponent(found[1] ?? ''), version };
  } catch {
    return undefined;
  }
};

export const methodOf = (target: Target): 'GET' | 'POST' =>
  target.kind === 'model' && target.action === 'infer' ? 'POST' : 'GET';
