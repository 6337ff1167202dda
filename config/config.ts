/**
 * The configuration as the rest of the code sees it: checked, with defaults filled in, durations in milliseconds,
 * secrets as {@link Secret}. Made only by `config/load.ts` from one YAML file.
 */
import type { ClusterName, JobName } from '../domain/ids.js';
import type { Severity } from '../domain/notice.js';
import type { Policy } from '../domain/policy.js';
import type { Secret } from '../domain/secret.js';

export interface Config {
  /** Absolute path of the file it was read from; relative paths inside are resolved against its folder. */
  readonly file: string;
  /** SHA-256 of everything but secrets, lower-case hex: cases record which configuration they ran under. */
  readonly digest: string;
  readonly temporal: TemporalConfig;
  readonly storage: Readonly<Record<string, StorageConfig>>;
  readonly zookeeper: Readonly<Record<string, ZooKeeperConfig>>;
  readonly kafka: Readonly<Record<string, KafkaConfig>>;
  readonly clusters: Readonly<Record<ClusterName, ClusterConfig>>;
  readonly jobs: Readonly<Record<JobName, JobConfig>>;
  readonly intake: IntakeConfig;
  readonly limits: LimitsConfig;
  readonly notices: readonly NoticeConfig[];
  /** Directory for files of this process (`last-known.json`), default `.holdfast` beside the configuration file. */
  readonly stateDir: string;
}

export interface TlsConfig {
  /** PEM file paths. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: Secret;
  readonly serverName?: string;
}

export interface TemporalConfig {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey?: Secret;
  readonly tls?: TlsConfig;
  /** Base URL of the Temporal UI, for links; null: none are printed. */
  readonly ui: string | null;
}

export type StorageConfig =
  | {
      readonly kind: 'webhdfs';
      /** Base URLs of the NameNodes, without path. */
      readonly webhdfs: readonly string[];
      /** Logical name in URIs (`hdfs://prod/…`); null with a single NameNode. */
      readonly nameservice: string | null;
      /** Authorities (`host:port`) that URIs may name besides the nameservice, for example the RPC address. */
      readonly authorities: readonly string[];
      readonly user: string | null;
      readonly delegationToken?: Secret;
      readonly tls?: TlsConfig;
      /** Absolute paths that may be looked at. */
      readonly allow: readonly string[];
      /** Absolute path for probe files. */
      readonly scratch: string;
      /** Hosts (`host` or `host:port`) of DataNodes that a redirect may lead to; empty: any host. */
      readonly redirectHosts: readonly string[];
    }
  | { readonly kind: 'file'; readonly allow: readonly string[]; readonly scratch: string };

export interface ZooKeeperConfig {
  /** `host:port` of the members. */
  readonly servers: readonly string[];
  /** Digest authentication, `user:password`. */
  readonly digest?: Secret;
}

export interface KafkaConfig {
  readonly brokers: readonly string[];
  readonly tls?: TlsConfig | true;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: Secret;
  };
}

export interface FlinkConfig {
  /** Base URLs of the JobManagers' REST endpoints. */
  readonly rest: readonly string[];
  readonly auth?:
    | { readonly basic: { readonly username: string; readonly password: Secret } }
    | { readonly bearer: Secret };
  readonly tls?: TlsConfig;
}

export interface ClusterConfig {
  readonly flink: FlinkConfig;
  /** Null: the cluster has no ZooKeeper HA. */
  readonly ha: {
    readonly zookeeper: string;
    readonly root: string;
    readonly clusterId: string;
    /** URI of `high-availability.storageDir`. */
    readonly storageDir: string;
  } | null;
  /** URI of the checkpoint directory. */
  readonly checkpoints: string;
  /** URI of the savepoint directory; null: none. */
  readonly savepoints: string | null;
  /** URI of `jobmanager.archive.fs.dir`; null: none. */
  readonly archive: string | null;
  /** Flink's own: milliseconds until a TaskManager without JobManager stops writing. */
  readonly heartbeatTimeout: number;
  /** Milliseconds. */
  readonly sessionTimeout: number;
  /** How the JobManager can be started: an argument list; null: nobody here can. */
  readonly startCluster: readonly string[] | null;
}

export interface JobConfig {
  readonly cluster: ClusterName;
  /** How Flink's job is recognised. `name` defaults to the job's name here. */
  readonly match: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly launch: LaunchConfig;
  readonly kafka: {
    readonly cluster: string;
    readonly group: string | null;
    readonly sink: SinkConfig | null;
    /** Topics that the job reads, for a start from nothing when no state names them. */
    readonly topics: readonly string[];
  } | null;
  readonly policy: Policy;
}

export interface SinkConfig {
  readonly guarantee: 'at-least-once' | 'exactly-once';
  /** Milliseconds; the sink's `transaction.timeout.ms`. */
  readonly transactionTimeout: number;
}

export type LaunchConfig =
  | {
      readonly kind: 'jar';
      /** Absolute path. */
      readonly jar: string;
      readonly entryClass: string | null;
      readonly args: readonly string[];
      readonly parallelism: number | null;
      readonly flinkConfiguration: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'command';
      readonly command: readonly string[];
      readonly lookup: readonly string[] | null;
    };

export interface IntakeConfig {
  readonly host: string;
  readonly port: number;
  readonly bearer?: Secret;
  readonly hmac?: Secret;
}

export interface LimitsConfig {
  /** Restores at the same time, per worker. */
  readonly restores: number;
  /** NameNode calls a second, per worker. */
  readonly nameNodeCalls: number;
  /** Quick steps at the same time, per worker. */
  readonly steps: number;
}

export type NoticeConfig = {
  /** Often holds a token. */
  readonly url: Secret;
  /** Less urgent notices are not sent there. */
  readonly minSeverity: Severity;
} & (
  | { readonly kind: 'webhook'; readonly bearer?: Secret }
  | { readonly kind: 'slack' }
  | { readonly kind: 'pagerduty'; readonly routingKey: Secret }
);
