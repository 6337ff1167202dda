import { dirname } from 'node:path';
import type { Config, StorageConfig } from '../config/config.js';
import { failure, fault } from '../domain/failure.js';
import { systemClock } from './clock.js';
import { commandRunner } from './command.js';
import { fileStorage } from './file.js';
import { flinkRest } from './flink.js';
import { kafkaLog } from './kafka.js';
import type { Flink, HaStore, Kafka, Ports, Storage } from './ports.js';
import { receiversOf } from './receivers.js';
import { webhdfsStorage } from './webhdfs.js';
import { zookeeperHaStore } from './zookeeper.js';

interface Closing {
  close(): Promise<void>;
}

/** Makes the ports of everything that the configuration names. Nothing is connected yet: each call is its own session. */
export function connectPorts(config: Config): Ports {
  const closing: Closing[] = [];
  const keep = <T>(port: T & Closing): T => {
    closing.push(port);
    return port;
  };
  const storageOf = (name: string, of: StorageConfig): Storage =>
    of.kind === 'file'
      ? fileStorage(name, of)
      : keep(webhdfsStorage(name, of, { nameNodeCalls: config.limits.nameNodeCalls }));

  const storages = mapValues(config.storage, storageOf);
  const haStores = mapValues(config.zookeeper, zookeeperHaStore);
  const logs = mapValues(config.kafka, kafkaLog);
  const flinks = mapValues(config.clusters, (name, { flink }) => keep(flinkRest(name, flink)));
  return {
    clock: systemClock,
    storageOf: (uri) => {
      const owner = [...storages].find(([, storage]) => storage.owns(uri));
      if (owner !== undefined) return { name: owner[0], storage: owner[1] };
      const known = [...storages.keys()].join(', ') || 'none';
      return fault('StateForeign', `expected a path of a configured storage (${known}), found ${uri}`, uri);
    },
    storage: (name) => named<Storage>(storages, 'storage', name),
    haStore: (name) => named<HaStore>(haStores, 'zookeeper', name),
    flink: (name) => named<Flink>(flinks, 'clusters', name),
    kafka: (name) => named<Kafka>(logs, 'kafka', name),
    receivers: receiversOf(config.notices),
    close: async () => {
      await Promise.allSettled(closing.map((port) => port.close()));
    },
    commands: commandRunner(dirname(config.file)),
  };
}

const mapValues = <V, T>(
  of: Readonly<Record<string, V>>,
  make: (name: string, value: V) => T,
): ReadonlyMap<string, T> => new Map(Object.entries(of).map(([name, value]) => [name, make(name, value)]));

function named<T>(of: ReadonlyMap<string, T>, section: string, name: string): T {
  const found = of.get(name);
  if (found !== undefined) return found;
  const known = [...of.keys()].join(', ') || 'none';
  throw failure('ConfigInvalid', `expected ${section}.${name} in the configuration; there are: ${known}`);
}
