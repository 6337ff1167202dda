import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { grpcCall, stringMessage } from './grpc.js';
import { isFree } from './port.js';
import { cache } from './root.js';
import { createServer, type Server, type StackEvent } from './server.js';
import { until } from './wait.js';
import { openWarden, type Warden } from './warden.js';

/** Values are JSON: a string keeps its inner quotes. */
export type DynamicConfig = Readonly<Record<string, string | number | boolean>>;

export type SearchAttributeType = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

export interface TemporalOptions {
  /** SQLite file that survives the server. Default: everything in memory. */
  readonly database?: string;
  /** Default: a free port. */
  readonly port?: number;
  /** Web UI. Default true. */
  readonly ui?: boolean;
  /** Default: a free port. */
  readonly uiPort?: number;
  /** Namespaces besides `default`. */
  readonly namespaces?: readonly string[];
  readonly searchAttributes?: Readonly<Record<string, SearchAttributeType>>;
  /** Over the defaults below. */
  readonly dynamicConfig?: DynamicConfig;
  /** File for the server's output. Default: in the temporary folder, shown when the start fails. */
  readonly log?: string;
  readonly onEvent?: (event: StackEvent) => void;
}

export interface TemporalSystem {
  /** `host:port` */
  readonly address: string;
  /** URL of the web UI. */
  readonly ui: string | undefined;
  /** Undefined: a server that somebody else runs (TEMPORAL_ADDRESS). */
  readonly server: Server | undefined;
  /** Ends the server when it is ours; with SIGTERM when it has a database to close. */
  close(): Promise<void>;
}

/**
 * By default the server reads its task queues at most 20 times a second and shard, and the dev server has one shard:
 * every step of an idle system would cost 50 ms.
 */
const QUICK: DynamicConfig = {
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 2000,
  'history.visibilityProcessorMaxPollRPS': 2000,
};

/** Starts twice and signals three times as fast as with SQLite's default journal; survives SIGKILL. */
const PRAGMAS = ['journal_mode=WAL', 'synchronous=NORMAL'];

const fetched = join(cache, 'temporal-1.9.1', 'temporal');

async function isServer(file: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)(file, ['--version'], { timeout: 20_000 }).catch(() => ({
    stdout: '',
  }));
  return stdout.includes('Server');
}

/**
 * The `temporal` program: TEMPORAL_CLI, else `temporal` on PATH if it has the dev server, else what set-up fetched.
 * A TEMPORAL_CLI that does not exist is an error, not a reason to look further.
 */
export async function findTemporalCli(): Promise<string> {
  const chosen = process.env['TEMPORAL_CLI'];
  if (chosen !== undefined && chosen !== '') {
    if (existsSync(chosen)) return chosen;
    throw new Error(`TEMPORAL_CLI is ${chosen}, but there is no such file: correct it or unset it`);
  }
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'temporal'))
    .find((file) => existsSync(file));
  if (found !== undefined && (await isServer(found))) return found;
  if (existsSync(fetched)) return fetched;
  throw new Error(
    'there is no Temporal server: run "npm run setup", or name the temporal program in TEMPORAL_CLI, or a running server in TEMPORAL_ADDRESS',
  );
}

/** Serving, and the namespace can be used. */
async function isReady(address: string): Promise<boolean> {
  const workflows = 'temporal.api.workflowservice.v1.WorkflowService';
  const health = await grpcCall(address, '/grpc.health.v1.Health/Check', stringMessage(workflows));
  if (!health.equals(Buffer.from([0x08, 0x01]))) return false;
  await grpcCall(address, `/${workflows}/DescribeNamespace`, stringMessage('default'));
  return true;
}

function commandLine(options: TemporalOptions, port: number, uiPort: number | undefined): string[] {
  const settings = Object.entries({ ...QUICK, ...options.dynamicConfig });
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort), '--ui-disable-news-fetch']),
    ...(options.namespaces ?? []).flatMap((name) => ['--namespace', name]),
    ...(options.database === undefined
      ? []
      : [
          '--db-filename',
          resolve(options.database),
          ...PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]),
        ]),
    ...Object.entries(options.searchAttributes ?? {}).flatMap(([name, type]) => [
      '--search-attribute',
      `${name}=${type}`,
    ]),
    ...settings.flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${JSON.stringify(value)}`]),
  ];
}

/** A stranger on the port would answer in place of our server. */
async function requireFree(port: number | undefined, what: string): Promise<void> {
  if (port === undefined || (await isFree(port))) return;
  throw new Error(
    `port ${port} on 127.0.0.1, wanted for ${what}, is in use: end what listens there, or choose another port`,
  );
}

/**
 * Starts a Temporal dev server on 127.0.0.1 that cannot outlive this process, and returns when it serves. With
 * TEMPORAL_ADDRESS in the environment nothing is started: that server is asked and used.
 *
 * @param warden of a stack that this server belongs to; without one it gets its own
 */
export async function startTemporal(options: TemporalOptions = {}, warden?: Warden): Promise<TemporalSystem> {
  const running = process.env['TEMPORAL_ADDRESS'];
  if (running !== undefined && running !== '') {
    await until(`the Temporal server at TEMPORAL_ADDRESS, ${running}, answers`, () => isReady(running), {
      within: 10_000,
    });
    return { address: running, ui: undefined, server: undefined, close: () => Promise.resolve() };
  }
  const cli = await findTemporalCli();
  if (options.database !== undefined) await mkdir(dirname(resolve(options.database)), { recursive: true });
  await requireFree(options.port, 'Temporal');
  if (options.ui !== false) await requireFree(options.uiPort, "Temporal's web UI");
  const own = warden ?? (await openWarden('temporal'));
  const port = options.port ?? (await own.port());
  const uiPort = options.ui === false ? undefined : (options.uiPort ?? (await own.port()));
  const address = `127.0.0.1:${port}`;
  const server = createServer(
    own,
    {
      name: 'temporal',
      command: cli,
      args: () => commandLine(options, port, uiPort),
      // Its notes about itself belong into the temporary folder, not into the user's home.
      env: { HOME: own.folder, XDG_CONFIG_HOME: own.folder, PATH: process.env['PATH'] ?? '' },
      out: options.log ?? join(own.folder, 'temporal.out'),
      ready: () => isReady(address),
    },
    options.onEvent,
  );

  async function close(): Promise<void> {
    // In memory there is nothing to lose, and a clean end takes a second.
    if (options.database === undefined) {
      server.supervise(false);
      await server.kill();
    } else await server.stop();
    if (warden === undefined) await own.close();
  }

  try {
    await server.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { address, ui: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`, server, close };
}
