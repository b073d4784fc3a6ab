import { instance } from '@viz-js/viz';
import { environments } from '../environments/index.ts';
import { compose } from '../platform/compose.ts';
import { drawing } from '../platform/drawing/index.ts';
import { parseEnvironment } from '../platform/spec.ts';

/** docs/platform.svg: the environment `local`, drawn from its construct tree. */
export const picture = async (): Promise<string> => {
  const { app, environment } = compose(parseEnvironment('local', environments['local']));
  const { kubernetes, monitoring } = environment;
  const nodes = monitoring.kind === 'on' ? monitoring.nodeCidr : undefined;
  const addresses = {
    '0.0.0.0/0': 'browsers and clients',
    [kubernetes.api.cidr]: 'Kubernetes API',
    ...(nodes === undefined ? {} : { [nodes]: 'kubelets' }),
  };
  const viz = await instance();
  const svg = viz.renderString(drawing(app, addresses), { format: 'svg' });
  // The library stamps its version into a comment, which would change the picture without a change of the platform;
  // and a machine without Helvetica takes a font that is as wide, not any other.
  return svg
    .replaceAll(/<!--.*?-->\n?/gs, '')
    .replaceAll(/font-family="[^"]*"/g, 'font-family="Helvetica,Arial,Liberation Sans,sans-serif"');
};
