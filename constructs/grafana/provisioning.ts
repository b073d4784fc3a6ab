import { Yaml } from 'cdk8s';

/** Both speak Prometheus; Grafana sends each the token of whoever looks, never one of its own. */
export const dataSources = (
  { platform, team }: { readonly platform: string; readonly team: string },
  authority: string | undefined,
): string => {
  const source = (uid: string, name: string, url: string, isDefault: boolean) => ({
    uid,
    name,
    type: 'prometheus',
    access: 'proxy',
    url,
    isDefault,
    editable: false,
    jsonData: {
      httpMethod: 'POST',
      timeInterval: '30s',
      oauthPassThru: true,
      ...(authority === undefined ? {} : { tlsAuthWithCACert: true }),
    },
    ...(authority === undefined ? {} : { secureJsonData: { tlsCACert: `$__file{${authority}}` } }),
  });
  return Yaml.stringify({
    apiVersion: 1,
    prune: true,
    datasources: [
      source('team', 'Own team', team, true),
      source('platform', 'Platform (administrators)', platform, false),
    ],
  });
};

export const providers = (folder: string): string =>
  Yaml.stringify({
    apiVersion: 1,
    providers: [
      {
        name: 'plinth',
        type: 'file',
        allowUiUpdates: false,
        disableDeletion: true,
        options: { path: folder, foldersFromFilesStructure: true },
      },
    ],
  });
