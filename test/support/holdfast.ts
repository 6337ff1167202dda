/** Holdfast in processes of its own, so that a test can kill them one by one. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectTemporal, holdfastClient, type HoldfastClient } from '../../client/index.js';
import { loadConfig } from '../../config/load.js';
import { alertmanagerBody, CLUSTER, JOB, writeConfig, type Scene } from '../../demo/scene.js';
import { until, type Server } from '../../stack/index.js';
import { root } from '../../stack/root.js';

const cli = join(root, 'dist', 'cli', 'main.js');

export interface HoldfastApart {
  readonly worker: Server;
  readonly client: HoldfastClient;
  readonly config: string;
  /** POSTs the alert of Alertmanager; the HTTP status. */
  readonly sendAlert: (at: Date) => Promise<number>;
  /** Runs a command of the CLI: exit code and standard output. */
  readonly run: (...args: readonly string[]) => Promise<{ readonly code: number; readonly out: string }>;
  readonly close: () => Promise<void>;
}

/** Worker and intake as two processes under the scene's warden; the scene must have been opened with Temporal. */
export async function holdfastApart(
  scene: Scene,
  policy: Readonly<Record<string, unknown>> = {},
): Promise<HoldfastApart> {
  const { stack } = scene;
  const address = stack.endpoints.temporal;
  if (address === undefined) throw new Error('open the scene with Temporal');
  const intakePort = await stack.port();
  const config = await writeConfig(scene, { temporal: { address }, intakePort, policy });
  const intake = `http://127.0.0.1:${intakePort}`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: stack.folder };
  const launch = (name: string, ready: () => Promise<boolean>) =>
    stack.addServer({
      name,
      command: process.execPath,
      args: () => [cli, name, '--config', config],
      env,
      ready,
    });

  const client = holdfastClient({
    client: connectTemporal(loadConfig({ file: config }).temporal, 'cli'),
    config: loadConfig({ file: config }),
  });
  const serve = launch(
    'serve',
    async () => (await fetch(`${intake}/healthz`, { signal: AbortSignal.timeout(1_000) })).ok,
  );
  // A worker is ready when the watch has seen the job: all queues are polled then.
  const worker = launch('worker', async () => ((await client.ledger(CLUSTER))?.[JOB]?.runs.length ?? 0) > 0);
  await Promise.all([serve.start(), client.startWatch(CLUSTER).then(() => worker.start())]);
  await until(
    'the watch knows the job',
    async () => ((await client.ledger(CLUSTER))?.[JOB]?.points.length ?? 0) > 0,
  );

  return {
    worker,
    client,
    config,
    async sendAlert(at) {
      const response = await fetch(`${intake}/v1/alerts/alertmanager`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(alertmanagerBody(at)),
        signal: AbortSignal.timeout(10_000),
      });
      return response.status;
    },
    async run(...args) {
      try {
        const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args, '--config', config], {
          env,
          timeout: 60_000,
        });
        return { code: 0, out: stdout };
      } catch (error) {
        const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
        return { code: code ?? -1, out: `${stdout ?? ''}${stderr ?? ''}` };
      }
    },
    close: () => client.close(),
  };
}
