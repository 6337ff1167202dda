import { once } from 'node:events';
import { connectTemporal, holdfastClient } from '../client/index.js';
import { loadConfig } from '../config/load.js';
import { secretValues } from '../config/secrets.js';
import { startIntake } from '../intake/server.js';
import { createLog } from '../worker/logger.js';
import { scrubber } from '../worker/scrub.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import { starting, type Terminal } from './terminal.js';

/** Takes alerts until Ctrl-C or SIGTERM; requests at work may finish. Temporal may be down: senders are told to repeat. */
export async function serve(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  const config = loadConfig({ file: options.config });
  const log = createLog(scrubber(secretValues(config)));
  const client = holdfastClient({ client: connectTemporal(config.temporal, 'intake'), config });
  try {
    const intake = await starting(() => startIntake({ client, config, log }));
    log.info({ url: intake.url }, 'the intake takes alerts');
    if (options.json === true)
      terminal.write(JSON.stringify({ event: 'ready', intake: intake.url, pid: process.pid }));
    if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
    await intake.close();
    return EXIT.done;
  } finally {
    await client.close();
  }
}
