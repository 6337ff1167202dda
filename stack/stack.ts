import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlinkPlaces, FlinkSettings, FlinkVersion } from './conf/flink.js';
import { planFlink, type FlinkSystem } from './flink.js';
import { planHdfs, SCRATCH_DIRECTORY, type HdfsSystem } from './hdfs.js';
import { planKafka, type KafkaSystem } from './kafka.js';
import { cache } from './root.js';
import type { Server, ServerRecipe, StackEvent } from './server.js';
import { startTemporal, type TemporalOptions, type TemporalSystem } from './temporal.js';
import { openWarden } from './warden.js';
import { openWorkshop, type Workshop } from './workshop.js';
import { planZooKeeper, type ZooKeeperSystem } from './zookeeper.js';

export interface StackOptions {
  /** Default `1.20`; `none`: no Flink. */
  readonly flink?: FlinkVersion | 'none';
  readonly flinkSettings?: FlinkSettings;
  /** Default 1. */
  readonly taskManagers?: number;
  /** Restart the JobManager one second after each exit. Default false. */
  readonly supervisor?: boolean;
  /** Default 1; 3: an ensemble; 0: none, and Flink without HA. */
  readonly zooKeepers?: 0 | 1 | 3;
  /** Default 1; 2: an HA pair with manual failover, the first active; 0: no HDFS. */
  readonly nameNodes?: 0 | 1 | 2;
  /** Default 1. */
  readonly dataNodes?: number;
  /** Replicas of a block. Default 1. */
  readonly replication?: number;
  /** Default true. */
  readonly kafka?: boolean;
  /** Default false. */
  readonly temporal?: boolean | Omit<TemporalOptions, 'onEvent'>;
  /** Part of the temporary folder's name. Default `stack`. */
  readonly label?: string;
  /** Every start, readiness and exit, as it happens. */
  readonly onEvent?: (event: StackEvent) => void;
}

export interface StackEndpoints {
  /** `host:port,…`; undefined without ZooKeeper, and so on. */
  readonly zookeeper: string | undefined;
  /** `http://127.0.0.1:port` of each NameNode. */
  readonly webhdfs: readonly string[];
  /** `hdfs://127.0.0.1:port`, or `hdfs://holdfast` of the pair. */
  readonly hdfsUri: string | undefined;
  /** `host:port` */
  readonly kafka: string | undefined;
  /** `http://127.0.0.1:port` */
  readonly flinkRest: string | undefined;
  /** `host:port` */
  readonly temporal: string | undefined;
  /** URL */
  readonly temporalUi: string | undefined;
}

export interface Stack {
  readonly endpoints: StackEndpoints;
  /** Temporary folder of this stack; goes with it. */
  readonly folder: string;
  readonly logs: string;
  /** Process id of the warden, which ends last. */
  readonly wardenPid: number;
  readonly servers: readonly Server[];
  /**
   * One server by name: `zookeeper`, `namenode`, `journalnode`, `datanode`, `kafka`, `jobmanager`, `taskmanager`,
   * `temporal`; of several with a number (`namenode-2`), without one the first.
   */
  server(name: string): Server;
  /** HDFS: files, faults and admin commands. Throws when the stack has none. */
  readonly hdfs: HdfsSystem;
  /** Flink: where it keeps what. Throws when the stack has none. */
  readonly flink: FlinkSystem;
  /** Holdfast's scratch directory in HDFS. */
  readonly scratch: string;
  /** A free port of 127.0.0.1 that belongs to this stack as long as it lives. */
  port(): Promise<number>;
  /**
   * Prepares a process of the caller's (a worker, say) that ends with the stack like every other server. It is not
   * started yet, and not part of `servers`.
   */
  addServer(recipe: Omit<ServerRecipe, 'out'>): Server;
  /** Waits until the NameNode is active, out of safe mode, and a probe file was written and read back. */
  nameNodeUsable(within?: number): Promise<void>;
  /** Copies all logs below `.cache/logs` and returns the folder; for whoever reports a failure. */
  keepLogs(): Promise<string>;
  /** Ends everything (SIGKILL) and removes the folder. May be called repeatedly. */
  stop(): Promise<void>;
}

export type { FlinkPlaces };

interface Systems {
  readonly zookeeper: ZooKeeperSystem | undefined;
  readonly hdfs: HdfsSystem | undefined;
  readonly kafka: KafkaSystem | undefined;
  readonly flink: FlinkSystem | undefined;
}

const KEPT_LOGS = 10;

async function keep(workshop: Workshop): Promise<string> {
  const all = join(cache, 'logs');
  const name = `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}`;
  await mkdir(all, { recursive: true });
  await cp(workshop.logs, join(all, name), { recursive: true });
  await cp(join(workshop.warden.folder, 'conf'), join(all, name, 'conf'), { recursive: true });
  const old = (await readdir(all)).sort().slice(0, -KEPT_LOGS);
  await Promise.all(old.map((folder) => rm(join(all, folder), { recursive: true, force: true })));
  return join(all, name);
}

async function planSystems(workshop: Workshop, options: StackOptions): Promise<Systems> {
  const { flink: version = '1.20', zooKeepers = 1, nameNodes = 1 } = options;
  const zookeeper = zooKeepers === 0 ? undefined : await planZooKeeper(workshop, zooKeepers);
  const kafka = (options.kafka ?? true) ? await planKafka(workshop) : undefined;
  const hdfs =
    nameNodes === 0
      ? undefined
      : await planHdfs(workshop, {
          nameNodes,
          dataNodes: options.dataNodes ?? 1,
          replication: options.replication ?? 1,
        });
  const flink =
    version === 'none'
      ? undefined
      : await planFlink(workshop, {
          version,
          taskManagers: options.taskManagers ?? 1,
          settings: options.flinkSettings ?? {},
          zooKeepers: zookeeper?.connect,
          hdfs: hdfs === undefined ? undefined : { uri: hdfs.uri, conf: hdfs.conf },
        });
  return { zookeeper, kafka, hdfs, flink };
}

/** Everything at once; Flink as soon as it finds ZooKeeper and HDFS. */
async function startSystems({ zookeeper, kafka, hdfs, flink }: Systems, supervisor: boolean): Promise<void> {
  const needed = Promise.all([...(zookeeper?.servers ?? []).map((server) => server.start()), hdfs?.start()]);
  const startKafka = async (): Promise<void> => {
    await kafka?.prepare();
    await kafka?.server.start();
  };
  const startFlink = async (): Promise<void> => {
    await needed;
    if (flink === undefined) return;
    await Promise.all([flink.jobManager, ...flink.taskManagers].map((server) => server.start()));
    flink.jobManager.supervise(supervisor);
  };
  // All are awaited: nothing may go on in the background when one of them has failed.
  const results = await Promise.allSettled([needed, startKafka(), startFlink()]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/**
 * Starts the real systems on free ports of 127.0.0.1, in a temporary folder of their own, and returns when all of them
 * answer. None of them outlives this process, however it ends. When a start fails, the logs are kept and named.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const warden = await openWarden(options.label ?? 'stack');
  let workshop: Workshop | undefined;
  try {
    workshop = await openWorkshop(warden, options.onEvent);
    const systems = await planSystems(workshop, options);
    const [temporal] = await Promise.all([
      temporalOf(workshop, options),
      startSystems(systems, options.supervisor ?? false),
    ]);
    return describe(workshop, systems, temporal);
  } catch (error) {
    const logs = workshop === undefined ? undefined : await keep(workshop).catch(() => undefined);
    await warden.close();
    if (logs === undefined || !(error instanceof Error)) throw error;
    throw new Error(`the stack did not start (logs: ${logs}): ${error.message}`, { cause: error });
  }
}

async function temporalOf(workshop: Workshop, options: StackOptions): Promise<TemporalSystem | undefined> {
  if (options.temporal === undefined || options.temporal === false) return undefined;
  const chosen = options.temporal === true ? {} : options.temporal;
  const events = options.onEvent === undefined ? {} : { onEvent: options.onEvent };
  return startTemporal({ log: join(workshop.logs, 'temporal.out'), ...chosen, ...events }, workshop.warden);
}

function describe(workshop: Workshop, systems: Systems, temporal: TemporalSystem | undefined): Stack {
  const { zookeeper, hdfs, kafka, flink } = systems;
  const servers: readonly Server[] = [
    ...(zookeeper?.servers ?? []),
    ...(hdfs === undefined
      ? []
      : [...(hdfs.journal ? [hdfs.journal] : []), ...hdfs.nameNodes, ...hdfs.dataNodes]),
    ...(kafka === undefined ? [] : [kafka.server]),
    ...(flink === undefined ? [] : [flink.jobManager, ...flink.taskManagers]),
    ...(temporal?.server === undefined ? [] : [temporal.server]),
  ];

  const server = (name: string): Server => {
    const found = servers.find((one) => one.name === name) ?? servers.find((one) => one.name === `${name}-1`);
    if (found === undefined)
      throw new Error(`this stack has no "${name}", only: ${servers.map((one) => one.name).join(', ')}`);
    return found;
  };

  return {
    endpoints: {
      zookeeper: zookeeper?.connect,
      webhdfs: hdfs?.webhdfs ?? [],
      hdfsUri: hdfs?.uri,
      kafka: kafka?.broker,
      flinkRest: flink?.rest,
      temporal: temporal?.address,
      temporalUi: temporal?.ui,
    },
    folder: workshop.warden.folder,
    logs: workshop.logs,
    wardenPid: workshop.warden.pid,
    servers,
    server,
    get hdfs() {
      if (hdfs === undefined) throw new Error('this stack was started without HDFS (nameNodes: 0)');
      return hdfs;
    },
    get flink() {
      if (flink === undefined) throw new Error('this stack was started without Flink');
      return flink;
    },
    scratch: SCRATCH_DIRECTORY,
    port: () => workshop.warden.port(),
    addServer: (recipe) => workshop.server(recipe),
    async nameNodeUsable(within) {
      if (hdfs === undefined) throw new Error('this stack was started without HDFS (nameNodes: 0)');
      await hdfs.usable(within);
    },
    keepLogs: () => keep(workshop),
    async stop() {
      for (const one of servers) one.supervise(false);
      await workshop.warden.close();
    },
  };
}
