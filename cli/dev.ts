import { once } from 'node:events';
import { join } from 'node:path';
import { connectTemporal, holdfastClient, registerSearchAttributes } from '../client/index.js';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { secretValues } from '../config/secrets.js';
import { startIntake } from '../intake/server.js';
import { startTemporal, type TemporalSystem } from '../stack/temporal.js';
import { createLog } from '../worker/logger.js';
import { scrubber } from '../worker/scrub.js';
import { startWorkers } from '../worker/start.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import { starting, type Terminal } from './terminal.js';

export interface DevOptions extends CommonOptions {
  readonly port?: number;
  readonly uiPort?: number;
  readonly data?: string;
  readonly verbose?: boolean;
}

/**
 * Everything that Holdfast needs in one process: a Temporal dev server with a file database, a worker, the intake and a
 * watch over each cluster. Ends with Ctrl-C, and leaves nothing running; the database stays.
 */
export async function dev(options: DevOptions, terminal: Terminal): Promise<ExitCode> {
  const written = loadConfig({ file: options.config });
  const log = createLog(scrubber(secretValues(written)), {
    level: options.verbose === true ? 'info' : 'warn',
  });
  // What was started is stopped in reverse order, however far the start came.
  const stops: (() => Promise<void>)[] = [];
  try {
    const system = await starting(() => startServer(written, options));
    stops.push(() => system.close());
    const config = withServer(written, system);
    const temporal = connectTemporal(config.temporal, 'dev');
    const client = holdfastClient({ client: temporal, config });
    stops.push(() => client.close());
    await registerSearchAttributes(temporal);

    const workers = await starting(() => startWorkers(config, log, terminal.signal));
    stops.push(async () => {
      workers.shutdown();
      await workers.done;
    });
    const intake = await starting(() => startIntake({ client, config, log }));
    stops.push(() => intake.close(1_000));
    const clusters = Object.keys(config.clusters);
    for (const cluster of clusters) await client.startWatch(cluster);

    announce({ config, intake: intake.url, clusters }, options, terminal);
    // A worker that ends by itself has failed: `done` says why.
    const asked = terminal.signal.aborted ? Promise.resolve() : once(terminal.signal, 'abort');
    await Promise.race([asked, workers.done]);
    if (options.json !== true) terminal.note('stopping…');
    return EXIT.done;
  } finally {
    for (const stop of stops.toReversed()) {
      await stop().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'));
    }
  }
}

async function startServer(config: Config, options: DevOptions): Promise<TemporalSystem> {
  const port =
    options.port ?? Number(config.temporal.address.slice(config.temporal.address.lastIndexOf(':') + 1));
  const uiPort = options.uiPort ?? (port === 0 ? 0 : port + 1000);
  return startTemporal({
    database: join(options.data ?? join(config.stateDir, 'dev'), 'temporal.db'),
    ...(port === 0 ? {} : { port }),
    ...(uiPort === 0 ? {} : { uiPort }),
    ...(config.temporal.namespace === 'default' ? {} : { namespaces: [config.temporal.namespace] }),
  });
}

/** The configuration with the address that the server really has. It listens on this machine only: no TLS, no key. */
function withServer(config: Config, system: TemporalSystem): Config {
  const { namespace, ui } = config.temporal;
  return { ...config, temporal: { address: system.address, namespace, ui: system.ui ?? ui } };
}

function announce(
  {
    config,
    intake,
    clusters,
  }: { readonly config: Config; readonly intake: string; readonly clusters: readonly string[] },
  options: DevOptions,
  terminal: Terminal,
): void {
  const { address, namespace, ui } = config.temporal;
  if (options.json === true) {
    terminal.write(
      JSON.stringify({
        event: 'ready',
        temporal: { address, namespace, ui },
        intake,
        clusters,
        pid: process.pid,
      }),
    );
    return;
  }
  const jobs = Object.keys(config.jobs).join(', ') || 'none';
  const page = ui === null ? 'not served' : `${ui}/namespaces/${namespace}/workflows`;
  terminal.write(terminal.paint('bold', 'Holdfast is up.'));
  terminal.write(`  Temporal UI   ${page}`);
  terminal.write(`  Temporal      ${address}, namespace ${namespace}`);
  terminal.write(
    `  alerts        POST ${intake}/v1/alerts (also /alertmanager, /grafana, /pagerduty, /cloudevents)`,
  );
  terminal.write(`  watching      ${clusters.join(', ')} for ${jobs}`);
  terminal.write('Ctrl-C stops all of it.');
}
