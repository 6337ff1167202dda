import { HoldfastError } from '../domain/failure.js';
import type { Bounds } from './bounded-call.js';
import { KafkaError, ofAnswer, ofThrown } from './kafka-failure.js';
import type { BrokerAddress, KafkaBroker, Metadata } from './kafka-wire.js';

/** One look at a cluster: connections are made when they are needed and end with the call. */
export interface KafkaSession {
  /** What one broker says of topics. `other`: ask another broker than before, when there is one. */
  metadata(topics: readonly string[], other?: boolean): Promise<Metadata>;
  /** The broker with a node id that metadata named. */
  node(nodeId: number): Promise<KafkaBroker>;
  coordinator(group: string): Promise<KafkaBroker>;
}

/** Runs `work` in a session; what may go better a moment later runs again in a new one, a few times. */
export type KafkaSessions = <T>(
  bounds: Bounds,
  work: (session: KafkaSession) => Promise<T>,
  /** Told of each failure after which it tries again. */
  failed?: (error: KafkaError) => void,
) => Promise<T>;

/** Milliseconds before each further try. */
const PAUSES = [50, 200, 500];

export function kafkaSessions(
  seeds: readonly string[],
  connect: (host: string, port: number, bounds: Bounds) => Promise<KafkaBroker>,
): KafkaSessions {
  /** Index of the seed to ask first: the one that answered last. */
  let first = 0;
  const bootstrap = async (bounds: Bounds): Promise<KafkaBroker> => {
    const failed: string[] = [];
    for (let step = 0; step < seeds.length; step++) {
      const index = (first + step) % seeds.length;
      const { host, port } = hostAndPort(seeds[index] as string);
      try {
        const broker = await connect(host, port, bounds);
        first = index;
        return broker;
      } catch (error) {
        if (error instanceof HoldfastError) throw error;
        const known = ofThrown(error, `${host}:${port}`);
        if (!known.again) throw known;
        failed.push(known.message);
      }
    }
    throw new KafkaError('unavailable', `no broker answers: ${failed.join('; ')}`);
  };

  return async (bounds, work, failed) => {
    const half = bounds.left() / 2;
    for (let tries = 0; ; tries++) {
      try {
        return await work(session(bounds, bootstrap, connect));
      } catch (error) {
        const pause = PAUSES[tries];
        const hopeless = !(error instanceof KafkaError) || !error.again || pause === undefined;
        if (hopeless || bounds.left() < half) throw error;
        failed?.(error);
        // The seed itself may be what is bad: the next try begins with another.
        first = (first + 1) % seeds.length;
        await bounds.sleep(pause);
      }
    }
  };
}

function session(
  bounds: Bounds,
  bootstrap: (bounds: Bounds) => Promise<KafkaBroker>,
  connect: (host: string, port: number, bounds: Bounds) => Promise<KafkaBroker>,
): KafkaSession {
  const connected = new Map<string, Promise<KafkaBroker>>();
  const known = new Map<number, BrokerAddress>();
  let seed: Promise<KafkaBroker> | undefined;
  let asked: string | undefined;

  const at = (host: string, port: number): Promise<KafkaBroker> => {
    const address = `${host}:${port}`;
    const existing = connected.get(address);
    if (existing !== undefined) return existing;
    const opening = connect(host, port, bounds);
    opening.catch(() => undefined);
    connected.set(address, opening);
    return opening;
  };
  const first = (): Promise<KafkaBroker> =>
    (seed ??= bootstrap(bounds).then((broker) => {
      connected.set(broker.address, Promise.resolve(broker));
      return broker;
    }));

  return {
    metadata: async (topics, other = false) => {
      const next = other
        ? [...known.values()].find(({ host, port }) => `${host}:${port}` !== asked)
        : undefined;
      const broker = next === undefined ? await first() : await at(next.host, next.port);
      asked = broker.address;
      const answer = await broker.request('Metadata', { topics, allowAutoTopicCreation: false });
      for (const address of answer.brokers) known.set(address.nodeId, address);
      return answer;
    },
    node: async (nodeId) => {
      const address = known.get(nodeId);
      if (address === undefined)
        throw new KafkaError(
          'unavailable',
          `broker ${nodeId} leads a partition and is not among the live brokers`,
        );
      return at(address.host, address.port);
    },
    coordinator: async (group) => {
      const broker = await first();
      const { errorCode, coordinator } = await broker.request('GroupCoordinator', { groupId: group });
      const error = ofAnswer(errorCode, `group ${group}`);
      if (error !== null) throw error;
      return at(coordinator.host, coordinator.port);
    },
  };
}

/** `host:port` or `[v6]:port`; Kafka has no default port that everybody keeps to, 9092 is the usual one. */
function hostAndPort(broker: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+))(?::(?<port>\d+))?$/.exec(broker);
  const host = found?.groups?.v6 ?? found?.groups?.host;
  if (host === undefined) throw new KafkaError('not-understood', `expected host:port, found "${broker}"`);
  return { host, port: Number(found?.groups?.port ?? 9092) };
}
