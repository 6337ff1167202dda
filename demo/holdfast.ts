import { join } from 'node:path';
import { until } from '../stack/index.js';
import { root } from '../stack/root.js';
import { writeConfig, type Scene } from './scene.js';

/** Holdfast at work on a scene, in a process of its own. */
export interface RunningHoldfast {
  /** Path of its `holdfast.yaml`. */
  readonly config: string;
  /** Base URL of the intake. */
  readonly intake: string;
  /** Base URL of the Temporal UI. */
  readonly ui: string | null;
}

/** Starts `holdfast dev`, as a user would: Temporal, worker, intake and watch in one process group. */
export async function startHoldfast(scene: Scene): Promise<RunningHoldfast> {
  const { stack } = scene;
  const [temporal, ui, intake] = [await stack.port(), await stack.port(), await stack.port()];
  const address = `127.0.0.1:${temporal}`;
  const config = await writeConfig(scene, {
    temporal: { address, ui: `http://127.0.0.1:${ui}` },
    intakePort: intake,
  });
  const base = `http://127.0.0.1:${intake}`;
  const server = stack.addServer({
    name: 'holdfast',
    command: process.execPath,
    args: () => [
      join(root, 'dist', 'cli', 'main.js'),
      ...['dev', '--config', config, '--port', String(temporal), '--ui-port', String(ui)],
      ...['--data', join(stack.folder, 'holdfast', 'data')],
    ],
    env: { PATH: process.env['PATH'] ?? '', HOME: stack.folder },
    ready: async () => (await fetch(`${base}/healthz`, { signal: AbortSignal.timeout(1_000) })).ok,
  });
  await server.start();
  await until('intake answers', async () => (await fetch(`${base}/healthz`)).ok);
  return { config, intake: base, ui: `http://127.0.0.1:${ui}` };
}
