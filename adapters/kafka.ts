import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import Broker from 'kafkajs/src/broker/index.js';
import { createLogger, LEVELS } from 'kafkajs/src/loggers/index.js';
import ConnectionPool, { type KafkaJsConnection } from 'kafkajs/src/network/connectionPool.js';
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import type { KafkaConfig } from '../config/config.js';
import { fault, HoldfastError } from '../domain/failure.js';
import type { Reading } from '../domain/reading.js';
import { type Bounds, bounded, look } from './bounded-call.js';
import { KafkaError, faultOfKafka, ofThrown } from './kafka-failure.js';
import { commitOffsets, readGroup } from './kafka-group.js';
import { readOffsetsAt, readRanges, readSettings } from './kafka-log.js';
import { type KafkaSession, type KafkaSessions, kafkaSessions } from './kafka-session.js';
import { readTimestamps } from './kafka-timestamps.js';
import type { KafkaBroker, Wire } from './kafka-wire.js';
import type { Call, Kafka } from './ports.js';
import { tlsOptions } from './tls-files.js';

/**
 * A Kafka cluster, seen through kafkajs' connections and codecs. Each call connects anew and leaves nothing behind.
 *
 * kafkajs' own admin client and cluster are not used: they retry behind the back of a deadline, reconnect after a
 * disconnect, wake every millisecond while idle, drop the error codes of single partitions, and take the last
 * *stable* offset for the end.
 */
export function kafkaLog(name: string, config: KafkaConfig): Kafka {
  const sessions = kafkaSessions(config.brokers, (host, port, bounds) =>
    connectBroker(config, host, port, bounds),
  );
  const classify = (error: unknown) =>
    error instanceof HoldfastError ? error.fault : faultOfKafka(ofThrown(error, name), name);
  /** Limits of one call, and what failed on its way: the reason why it took so long. */
  const oneCall = () => {
    let last = '';
    return {
      deadline: CALL_DEADLINE,
      late: (ms: number) =>
        fault('KafkaUnavailable', `Kafka "${name}" gave no complete answer within ${ms} ms${last}.`, name),
      failed: (error: KafkaError) => {
        last = ` (last: ${error.message})`;
      },
    };
  };
  const ask = <T>(
    call: Call,
    read: (session: KafkaSession, bounds: Bounds) => Promise<Reading<T>>,
  ): Promise<Reading<T>> => {
    const limits = oneCall();
    return look(
      call,
      limits,
      (bounds) => sessions(bounds, (session) => read(session, bounds), limits.failed),
      classify,
    );
  };
  return {
    ranges: (topic, call) => ask(call, (session, bounds) => readRanges(session, topic, bounds)),
    offsetsAt: (topic, time, call) =>
      ask(call, (session, bounds) => readOffsetsAt(session, topic, time, bounds)),
    settings: (topic, call) => ask(call, (session, bounds) => readSettings(session, topic, bounds)),
    timestamps: (at, call) => ask(call, (session, bounds) => readTimestamps(session, at, bounds)),
    group: (group, topics, call) => ask(call, (session) => readGroup(session, group, topics)),
    commitGroup: async (group, offsets, call) => {
      try {
        const limits = oneCall();
        const own: KafkaSessions = (bounds, work) => sessions(bounds, work, limits.failed);
        await bounded(call, limits, (bounds) => commitOffsets(own, bounds, group, offsets));
      } catch (error) {
        if (call.signal.aborted) throw call.signal.reason;
        throw error instanceof HoldfastError ? error : new HoldfastError(classify(error), { cause: error });
      }
    },
  };
}

/** Default for one look or act. */
const CALL_DEADLINE = 6_000;
/** For a connection from one broker. */
const CONNECT_WITHIN = 1_000;
/** For the answer to one request. */
const ANSWER_WITHIN = 1_500;
/** Largest answer that is received; the largest asked for is one batch of records. */
const ANSWER_CAP = 64 * 1024 * 1024;
/** Metadata from version 4 on does not create the topic that is asked for. */
const METADATA_WITHOUT_CREATING = 4;
/** The version of Fetch whose answer kafka-records.ts reads: 0.11 and every later broker has it. */
const FETCH_VERSION = 4;

const silent = createLogger({ level: LEVELS.NOTHING, logCreator: () => () => undefined });

async function connectBroker(
  config: KafkaConfig,
  host: string,
  port: number,
  bounds: Bounds,
): Promise<KafkaBroker> {
  const address = `${host}:${port}`;
  const sockets = new Set<Socket>();
  let transport: unknown;
  let dead: KafkaError | undefined;
  const pool = new ConnectionPool({
    host,
    port,
    ssl: config.tls === undefined ? null : tlsOptions(config.tls === true ? undefined : config.tls),
    sasl:
      config.sasl === undefined
        ? null
        : {
            mechanism: config.sasl.mechanism,
            username: config.sasl.username,
            password: config.sasl.password.reveal(),
          },
    clientId: 'holdfast',
    socketFactory: ({ host: to, port: at, ssl, onConnect }) => {
      const socket =
        ssl === null
          ? connectPlain({ host: to, port: at }, onConnect)
          : connectTls(
              { host: to, port: at, ...(isIP(to) === 0 ? { servername: to } : {}), ...ssl },
              onConnect,
            );
      sockets.add(socket);
      return socket;
    },
    connectionTimeout: CONNECT_WITHIN,
    requestTimeout: ANSWER_WITHIN,
    logger: silent,
  });

  /** Ends the connection for good. Destroying with an error is what makes the client clear its own timers. */
  const kill = (error: KafkaError) => {
    if (dead !== undefined) return;
    dead = error;
    for (const connection of pool.pool) {
      connection.connect = () => Promise.reject(error);
      connection.rejectRequests(error);
      connection.requestQueue.destroy();
    }
    for (const socket of sockets) socket.destroy(error);
  };
  for (const connection of pool.pool)
    holdBack(connection, {
      misshapen: (found) =>
        kill(new KafkaError('protocol', `${address}: ${found}: not an answer of Kafka`, address)),
      failed: (error) => {
        transport = error;
      },
    });
  bounds.onEnd(() => kill(new KafkaError('unavailable', `${address}: the call has ended`, address)));

  const broker = new Broker({ connectionPool: pool, logger: silent, allowAutoTopicCreation: false });
  try {
    await broker.connect();
  } catch (error) {
    throw dead ?? ofThrown(error, address, transport);
  }
  const speaks = broker.versions[apiKeys.Metadata as number];
  if (speaks === undefined || speaks.maxVersion < METADATA_WITHOUT_CREATING)
    throw new KafkaError(
      'not-understood',
      `${address}: expected a broker of Kafka 0.11 or later, which does not create topics that are asked for`,
      address,
    );
  return {
    address,
    request: async <A extends keyof Wire>(api: A, payload: Wire[A]['send']) => {
      try {
        const definition = requests[api];
        const key = apiKeys[api];
        if (definition === undefined || key === undefined) throw new TypeError(`no codec for ${api}`);
        const codec =
          api === 'Fetch'
            ? definition.protocol({ version: FETCH_VERSION })
            : broker.lookupRequest(key, definition);
        const protocol = codec(payload);
        // The client's `parse` throws the first error code it sees and drops the answer with it.
        const response = {
          decode: api === 'Fetch' ? async (bytes: Buffer) => bytes : protocol.response.decode,
          parse: async (decoded: unknown) => decoded,
        };
        return (await pool.send({ request: protocol.request, response })) as Wire[A]['answer'];
      } catch (error) {
        throw dead ?? ofThrown(error, address);
      }
    },
  };
}

/** Keeps a connection from throwing in its socket handler, from buffering without limit and from idling in circles. */
function holdBack(
  connection: KafkaJsConnection,
  tell: { readonly misshapen: (found: string) => void; readonly failed: (error: unknown) => void },
): void {
  const processData = connection.processData.bind(connection);
  connection.processData = (bytes) => {
    try {
      processData(bytes);
    } catch (error) {
      tell.misshapen(`an answer that cannot be read (${error instanceof Error ? error.message : ''})`);
      return;
    }
    if (connection.bytesNeeded < 0 || connection.bytesNeeded > ANSWER_CAP)
      tell.misshapen(`an answer of ${connection.bytesNeeded} bytes`);
  };
  const send = connection.send.bind(connection);
  connection.send = async (request) => {
    try {
      return await send(request);
    } catch (error) {
      const { name } = error as Error;
      if (name !== 'KafkaJSProtocolError' && name !== 'KafkaJSSASLAuthenticationError') tell.failed(error);
      throw error;
    }
  };
  const { requestQueue } = connection;
  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) schedule();
  };
}
