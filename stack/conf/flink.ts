export type FlinkVersion = '1.20' | '2.2';

export type RestartStrategy =
  | { readonly type: 'none' }
  | { readonly type: 'fixed-delay'; readonly attempts: number; readonly delay: string }
  | {
      readonly type: 'exponential-delay';
      readonly initialBackoff: string;
      readonly maxBackoff: string;
      readonly resetBackoffThreshold?: string;
    };

/** What of Flink's configuration a test or the demo chooses. Durations are Flink's: `3s`, `500ms`. */
export interface FlinkSettings {
  /**
   * Where HA data and job results lie. `hdfs`: beside the checkpoints. `file`: in the temporary folder, which does not
   * fail together with the NameNode (then Flink gives up and deletes the HA data: the incident). Default `hdfs`.
   */
  readonly haStorage?: 'hdfs' | 'file';
  /** Where the archive of ended jobs lies. Default: as `haStorage`. */
  readonly archive?: 'hdfs' | 'file' | 'none';
  /** Where checkpoints and savepoints lie. Default `hdfs`. */
  readonly checkpoints?: 'hdfs' | 'file';
  /** Default `/holdfast`. */
  readonly clusterId?: string;
  /** Default: fixed delay, 3 attempts, 2 s. */
  readonly restart?: RestartStrategy;
  /** Default `3s`. */
  readonly checkpointInterval?: string;
  /** Default 0, as Flink's. */
  readonly tolerableFailedCheckpoints?: number;
  /** Default 3. */
  readonly retainedCheckpoints?: number;
  /** Default `RETAIN_ON_CANCELLATION`. */
  readonly retention?: 'RETAIN_ON_CANCELLATION' | 'DELETE_ON_CANCELLATION';
  /** Task slots of each TaskManager. Default 4. */
  readonly slots?: number;
  /** Milliseconds. Default: Flink's 300 s, for which a submission hangs when the HA storage is away. */
  readonly blobSocketTimeout?: number;
  /** Milliseconds until ZooKeeper forgets a killed JobManager. Default 10 s (Flink's: 60 s). */
  readonly sessionTimeout?: number;
  /** Milliseconds until a silent TaskManager or JobManager counts as lost. Default 10 s (Flink's: 50 s). */
  readonly heartbeatTimeout?: number;
  /** Any other option; wins over everything above. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface FlinkPlan {
  readonly restPort: number;
  /** `host:port,host:port`. Undefined: without HA. */
  readonly zooKeepers: string | undefined;
  /** `hdfs://…`; undefined when the stack has no HDFS. */
  readonly hdfs: string | undefined;
  /** Folder for uploads, temporary files and `file` storage. */
  readonly folder: string;
}

/** Where Flink keeps what: the same answers that its configuration holds. */
export interface FlinkPlaces {
  readonly clusterId: string;
  /** Root node in ZooKeeper. */
  readonly haRoot: string;
  readonly haStorage: string;
  /** `<haStorage>/job-result-store/<clusterId>` */
  readonly jobResults: string;
  readonly checkpoints: string;
  readonly savepoints: string;
  readonly archive: string | undefined;
}

const HA_ROOT = '/flink';

export function flinkPlaces(settings: FlinkSettings, plan: FlinkPlan): FlinkPlaces {
  const base = (kind: 'hdfs' | 'file'): string => {
    if (kind === 'file') return `file://${plan.folder}/storage`;
    if (plan.hdfs === undefined)
      throw new Error('Flink shall use HDFS, but this stack has none: choose "file"');
    return `${plan.hdfs}/flink`;
  };
  const clusterId = settings.clusterId ?? '/holdfast';
  const haStorage = `${base(settings.haStorage ?? 'hdfs')}/ha`;
  const archive = settings.archive ?? settings.haStorage ?? 'hdfs';
  const checkpoints = base(settings.checkpoints ?? 'hdfs');
  return {
    clusterId,
    haRoot: HA_ROOT,
    haStorage,
    jobResults: `${haStorage}/job-result-store/${clusterId.replace(/^\//, '')}`,
    checkpoints: `${checkpoints}/checkpoints`,
    savepoints: `${checkpoints}/savepoints`,
    archive: archive === 'none' ? undefined : `${base(archive)}/archive`,
  };
}

function restartOptions(strategy: RestartStrategy): Record<string, string> {
  switch (strategy.type) {
    case 'none':
      return { 'restart-strategy.type': 'none' };
    case 'fixed-delay':
      return {
        'restart-strategy.type': 'fixed-delay',
        'restart-strategy.fixed-delay.attempts': String(strategy.attempts),
        'restart-strategy.fixed-delay.delay': strategy.delay,
      };
    case 'exponential-delay':
      return {
        'restart-strategy.type': 'exponential-delay',
        'restart-strategy.exponential-delay.initial-backoff': strategy.initialBackoff,
        'restart-strategy.exponential-delay.max-backoff': strategy.maxBackoff,
        ...(strategy.resetBackoffThreshold === undefined
          ? {}
          : { 'restart-strategy.exponential-delay.reset-backoff-threshold': strategy.resetBackoffThreshold }),
      };
    default:
      return strategy satisfies never;
  }
}

/** Heap and the rest are given in full, because the servers run without Flink's shell scripts. */
const MEMORY: Readonly<Record<string, string>> = {
  'jobmanager.memory.heap.size': '192m',
  'jobmanager.memory.off-heap.size': '64m',
  'taskmanager.cpu.cores': '1.0',
  'taskmanager.memory.framework.heap.size': '64m',
  'taskmanager.memory.task.heap.size': '128m',
  'taskmanager.memory.framework.off-heap.size': '64m',
  'taskmanager.memory.task.off-heap.size': '0m',
  'taskmanager.memory.network.min': '32m',
  'taskmanager.memory.network.max': '32m',
  'taskmanager.memory.managed.size': '128m',
  'taskmanager.memory.jvm-metaspace.size': '160m',
  'taskmanager.memory.jvm-overhead.min': '64m',
  'taskmanager.memory.jvm-overhead.max': '64m',
};

/** `config.yaml` of JobManager and TaskManager. */
export function flinkConfig(settings: FlinkSettings, plan: FlinkPlan): string {
  const places = flinkPlaces(settings, plan);
  const options: Record<string, string> = {
    'jobmanager.rpc.address': '127.0.0.1',
    'jobmanager.bind-host': '127.0.0.1',
    'taskmanager.host': '127.0.0.1',
    'taskmanager.bind-host': '127.0.0.1',
    'taskmanager.numberOfTaskSlots': String(settings.slots ?? 4),
    ...MEMORY,
    'rest.address': '127.0.0.1',
    'rest.bind-address': '127.0.0.1',
    'rest.port': String(plan.restPort),
    'rest.bind-port': String(plan.restPort),
    // Fixed, so that uploaded jars survive a restart of the JobManager.
    'web.upload.dir': `${plan.folder}/upload`,
    'io.tmp.dirs': `${plan.folder}/tmp`,
    ...(plan.zooKeepers === undefined
      ? {}
      : {
          'high-availability.type': 'zookeeper',
          'high-availability.zookeeper.quorum': plan.zooKeepers,
          'high-availability.zookeeper.path.root': places.haRoot,
          'high-availability.cluster-id': places.clusterId,
          'high-availability.storageDir': places.haStorage,
          'high-availability.zookeeper.client.session-timeout': String(settings.sessionTimeout ?? 10_000),
        }),
    'execution.checkpointing.dir': places.checkpoints,
    'execution.checkpointing.savepoint-dir': places.savepoints,
    'execution.checkpointing.interval': settings.checkpointInterval ?? '3s',
    'execution.checkpointing.tolerable-failed-checkpoints': String(settings.tolerableFailedCheckpoints ?? 0),
    'execution.checkpointing.externalized-checkpoint-retention':
      settings.retention ?? 'RETAIN_ON_CANCELLATION',
    'execution.checkpointing.num-retained': String(settings.retainedCheckpoints ?? 3),
    'execution.checkpointing.incremental': 'true',
    'state.backend.type': 'rocksdb',
    'execution.checkpointing.data-inline-threshold': '1kb',
    ...restartOptions(settings.restart ?? { type: 'fixed-delay', attempts: 3, delay: '2s' }),
    ...(places.archive === undefined ? {} : { 'jobmanager.archive.fs.dir': places.archive }),
    ...(settings.blobSocketTimeout === undefined
      ? {}
      : { 'blob.client.socket.timeout': String(settings.blobSocketTimeout) }),
    'metrics.fetcher.update-interval': '2000',
    // How old an answer of the REST API may be. Flink's default is 3 s; tests would wait for nothing.
    'web.refresh-interval': '500',
    // The answers about checkpoints have a cache of their own, with the same default whatever the one above says.
    'rest.cache.checkpoint-statistics.timeout': '100 ms',
    'heartbeat.timeout': String(settings.heartbeatTimeout ?? 10_000),
    'heartbeat.interval': '2000',
    ...settings.options,
  };
  return Object.entries(options)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('');
}
