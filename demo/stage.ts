import { connectTemporal, holdfastClient, type HoldfastClient } from '../client/index.js';
import { loadConfig } from '../config/load.js';
import { startHoldfast, type RunningHoldfast } from './holdfast.js';
import type { Scene } from './scene.js';

/**
 * Starts Holdfast on a scene, plays an act, and leaves the stack up for whoever wants to look further. When the act
 * fails, the logs are kept and named, and the stack is stopped.
 */
export async function playOn<T>(
  act: string,
  scene: Scene,
  play: (holdfast: RunningHoldfast, client: HoldfastClient) => Promise<T>,
): Promise<T> {
  try {
    const holdfast = await startHoldfast(scene);
    const config = loadConfig({ file: holdfast.config });
    const client = holdfastClient({ client: connectTemporal(config.temporal, 'cli'), config });
    try {
      return await play(holdfast, client);
    } finally {
      await client.close();
    }
  } catch (error) {
    const logs = await scene.stack.keepLogs().catch(() => 'nowhere: they could not be copied');
    await scene.stack.stop();
    throw new Error(`${act} did not end well (logs: ${logs}): ${(error as Error).message}`, {
      cause: error,
    });
  }
}
