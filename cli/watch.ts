import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import type { Terminal } from './terminal.js';

export async function watch(
  cluster: string | undefined,
  options: CommonOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  return withClient(options, async (client, config) => {
    for (const name of cluster === undefined ? Object.keys(config.clusters) : [cluster]) {
      const { workflowId, runId } = await client.startWatch(name);
      terminal.write(
        options.json === true
          ? JSON.stringify({ cluster: name, workflowId, runId })
          : `${name} is watched by ${workflowId}`,
      );
    }
    return EXIT.done;
  });
}
