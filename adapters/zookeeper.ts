import zookeeper from 'node-zookeeper-client';
import type { Socket } from 'node:net';
import type { ZooKeeperConfig } from '../config/config.js';
import { fault, faultOf, HoldfastError } from '../domain/failure.js';
import { type Bounds, look } from './bounded-call.js';
import type { HaStore } from './ports.js';
import { faultOfZooKeeper, NO_NODE, ofReply, ZooKeeperError } from './zookeeper-failure.js';
import { readHaCluster, type ZooKeeperReader } from './zookeeper-ha.js';

/**
 * Flink's HA data in ZooKeeper. Each call opens a session of its own, reads after a `sync`, and closes it; nothing is
 * shared between calls but the member that answered last. There is no call that writes.
 *
 * `node-zookeeper-client` waits for ever on a frozen server, reconnects by itself, throws in its socket handler on
 * codes it does not know and never times a read out: everything below that looks odd keeps one of these from showing.
 */
export function zookeeperHaStore(name: string, config: ZooKeeperConfig): HaStore {
  /** Index of the member to ask first. */
  let first = 0;
  return {
    cluster: (at, call) => {
      const failed = new Map<string, ZooKeeperError>();
      return look(
        call,
        {
          deadline: CALL_DEADLINE,
          late: (ms) =>
            fault(
              'HaStoreUnavailable',
              `ZooKeeper "${name}" gave no complete answer within ${ms} ms${listed(failed, ' (', ')')}.`,
              name,
            ),
        },
        (bounds) =>
          onAnyMember(name, config, { first, failed }, bounds, async (reader, index) => {
            const reading = await readHaCluster(reader, at);
            first = index;
            return reading;
          }),
        faultOf,
      );
    },
  };
}

const listed = (failed: ReadonlyMap<string, ZooKeeperError>, before: string, after: string): string =>
  failed.size === 0
    ? ''
    : before + [...failed].map(([server, { message }]) => `${server}: ${message}`).join('; ') + after;

/** Default for one look. */
const CALL_DEADLINE = 6_000;
/** For a session from one member; then the next is asked. */
const SESSION_WITHIN = 1_500;
/** Without any reply for this long the member counts as gone. */
const REPLY_WITHIN = 2_000;
/** How often the whole list of members is tried. */
const ROUNDS = 2;
const BETWEEN_ROUNDS = 100;
/** For a polite goodbye, so that the server does not keep the session until it expires. */
const CLOSE_WITHIN = 200;
/** Asked of the server: how long it keeps a session that died without a goodbye. It holds nothing. */
const SESSION_TIMEOUT = 4_000;
/** Flink's nodes have about 500 bytes and ZooKeeper's own limit is 1 MiB; a list of children may be longer. */
const REPLY_CAP = 8 * 1024 * 1024;

async function onAnyMember<T>(
  store: string,
  config: ZooKeeperConfig,
  { first, failed }: { readonly first: number; readonly failed: Map<string, ZooKeeperError> },
  bounds: Bounds,
  work: (reader: ZooKeeperReader, index: number) => Promise<T>,
): Promise<T> {
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await bounds.sleep(BETWEEN_ROUNDS);
    for (let step = 0; step < config.servers.length; step++) {
      const index = (first + step) % config.servers.length;
      const server = config.servers[index] as string;
      try {
        // A member that answers too slowly may use up half of the time, not that of the others too.
        const budget = config.servers.length > 1 ? bounds.left() / 2 : bounds.left();
        const session = await openSession(server, config, budget, bounds);
        try {
          return await work(session, index);
        } finally {
          await session.close();
        }
      } catch (error) {
        if (!(error instanceof ZooKeeperError)) throw error;
        if (!error.elsewhere)
          throw new HoldfastError(faultOfZooKeeper(error, store, server), { cause: error });
        failed.set(server, error);
      }
    }
  }
  throw new HoldfastError(
    fault(
      'HaStoreUnavailable',
      `No member of ZooKeeper "${store}" gives an answer: ${listed(failed, '', '')}.`,
      store,
    ),
  );
}

interface Session extends ZooKeeperReader {
  /** Says goodbye and ends the socket; never longer than {@link CLOSE_WITHIN}, never fails. */
  close(): Promise<void>;
}

/** The parts of the client's connection manager that have to be held back. */
interface ConnectionManager {
  connect: () => void;
  findNextServer: (found: (server: { host: string; port: number }) => void) => void;
  onSocketData: (bytes: Buffer) => void;
  setState: (state: number) => void;
  state: number;
  socket?: Socket;
  pendingBuffer: Buffer | null;
  connectTimeoutHandler: NodeJS.Timeout | null;
  readonly packetQueue: { queue: unknown[]; removeAllListeners: () => void };
  readonly pendingQueue: { readonly request: { readonly header: { readonly type: number } } }[];
  removeAllListeners: () => void;
}

const CONNECTING = 1;
const GET_DATA = 4;

/** Replaces the client's factory, which throws, in the socket handler, on every code it does not know. */
Object.assign(zookeeper.Exception, {
  create: (code: number) => Object.assign(new Error(`reply code ${code}`), { code }),
});

/**
 * Opens one session with one member; it ends by itself after `budget` milliseconds.
 * @throws ZooKeeperError when there is none in time.
 */
function openSession(
  server: string,
  config: ZooKeeperConfig,
  budget: number,
  bounds: Bounds,
): Promise<Session> {
  const client = zookeeper.createClient(server, {
    sessionTimeout: SESSION_TIMEOUT,
    spinDelay: 0,
    retries: 0,
  });
  const manager = (client as unknown as { connectionManager: ConnectionManager }).connectionManager;
  const waiting = new Set<(error: ZooKeeperError) => void>();
  let dead: ZooKeeperError | undefined;
  let watchdog: NodeJS.Timeout | undefined;

  /** Ends the session for good: no reconnect, no queued packet, no timer, and everybody who waits is told. */
  const kill = (error: ZooKeeperError) => {
    if (dead !== undefined) return;
    dead = error;
    clearTimeout(watchdog);
    clearTimeout(tooSlow);
    if (manager.connectTimeoutHandler !== null) clearTimeout(manager.connectTimeoutHandler);
    manager.packetQueue.queue.length = 0;
    manager.packetQueue.removeAllListeners();
    manager.pendingQueue.length = 0;
    manager.pendingBuffer = null;
    manager.removeAllListeners();
    client.removeAllListeners();
    const { socket } = manager;
    if (socket !== undefined) {
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
    }
    for (const tell of waiting) tell(error);
    waiting.clear();
  };

  const tooSlow = setTimeout(
    () => kill(new ZooKeeperError('unavailable', `no complete answer within ${Math.round(budget)} ms`)),
    budget,
  );

  /** Each reply starts the time anew; a drip of bytes that completes no reply does not. */
  const expectReply = (within: number) => {
    clearTimeout(watchdog);
    if (waiting.size === 0 || dead !== undefined) return;
    watchdog = setTimeout(
      () => kill(new ZooKeeperError('unavailable', `no reply within ${within} ms`)),
      within,
    );
  };

  /** One request; `send` gets a callback that settles it. */
  const ask = <T>(within: number, send: (settle: (outcome: () => T) => void) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) {
        reject(dead);
        return;
      }
      waiting.add(reject);
      if (waiting.size === 1) expectReply(within);
      send((outcome) => {
        if (!waiting.delete(reject)) return;
        expectReply(within);
        resolve((async () => outcome())());
      });
    });

  const guarded = manager.onSocketData.bind(manager);
  manager.onSocketData = (bytes) => {
    if (dead !== undefined) return;
    const misshapen = describeMisshapen(manager, bytes);
    if (misshapen !== null) {
      kill(new ZooKeeperError('protocol', `${misshapen}: not a ZooKeeper reply`));
      return;
    }
    try {
      guarded(bytes);
    } catch (error) {
      kill(
        new ZooKeeperError(
          'protocol',
          `a reply could not be read: ${error instanceof Error ? error.message : ''}`,
        ),
      );
    }
  };
  const { host, port } = hostAndPort(server);
  manager.findNextServer = (found) => found({ host, port });
  bounds.onEnd(() => kill(new ZooKeeperError('connection-lost', 'the call has ended')));

  const opened = ask<void>(SESSION_WITHIN, (settle) => {
    client.once('connected', () => settle(() => undefined));
    client.once('expired', () => kill(new ZooKeeperError('session-lost', 'the server refused the session')));
    client.once('authenticationFailed', () => kill(ofReply(-115, server)));
    client.connect();
  });
  // The client calls `connect` again whenever its socket closes. This session had its one chance.
  manager.connect = () =>
    kill(new ZooKeeperError('connection-lost', manager.socket?.errored?.message ?? 'connection closed'));

  const outcome = <T>(path: string, error: unknown, value: () => T): T | null => {
    if (error === null || error === undefined) return value();
    const { code } = error as { code?: number };
    if (code === NO_NODE) return null;
    throw ofReply(code ?? 0, path);
  };

  const session: Session = {
    sync: () =>
      ask(REPLY_WITHIN, (settle) =>
        // The client has no sync. A multi goes through the leader, even when its check fails, so that what is read
        // after its answer is at least as new as the moment of asking.
        client
          .transaction()
          .check('/', -1)
          .commit((error) =>
            settle(() => {
              const code = (error as { code?: number } | null)?.code;
              if (code !== undefined && code !== NO_NODE && code !== -102) throw ofReply(code, 'sync');
            }),
          ),
      ),
    get: (path) =>
      ask(REPLY_WITHIN, (settle) =>
        client.getData(path, (error, data: Buffer | undefined, stat) =>
          settle(() =>
            outcome(path, error, () => ({
              data: data ?? Buffer.alloc(0),
              children: stat.numChildren,
              childrenVersion: stat.cversion,
            })),
          ),
        ),
      ),
    children: (path) =>
      ask(REPLY_WITHIN, (settle) =>
        client.getChildren(path, (error, names: string[] | undefined, stat) =>
          settle(() => outcome(path, error, () => ({ names: names ?? [], childrenVersion: stat.cversion }))),
        ),
      ),
    close: async () => {
      if (dead !== undefined) return;
      await ask<void>(CLOSE_WITHIN, (settle) => {
        manager.socket?.once('close', () => settle(() => undefined));
        client.close();
      }).catch(() => undefined);
      kill(new ZooKeeperError('connection-lost', 'the session was closed'));
    },
  };
  return opened.then(() => {
    // Only now: before `connected` the client would send the first request ahead of the credentials.
    if (config.digest !== undefined) client.addAuthInfo('digest', Buffer.from(config.digest.reveal()));
    return session;
  });
}

/** What is wrong with the next reply in the buffer, before the client allocates by what it declares; null: nothing seen. */
function describeMisshapen(manager: ConnectionManager, bytes: Buffer): string | null {
  const pending = manager.pendingBuffer;
  if ((pending?.length ?? 0) + bytes.length > 2 * REPLY_CAP) return 'more bytes than any reply has';
  const head = pending === null ? bytes.subarray(0, 24) : Buffer.concat([pending.subarray(0, 24), bytes], 24);
  const seen = (pending?.length ?? 0) + bytes.length;
  if (seen < 4) return null;
  const size = head.readInt32BE(0);
  if (size < 0 || size > REPLY_CAP) return `a reply of ${size} bytes`;
  // A buffer inside (the password of a new session, the data of a node) lies at byte 20 and is allocated as declared.
  const isReply = seen >= 20 && head.readInt32BE(4) >= 0 && head.readInt32BE(16) === 0;
  const hasBuffer =
    manager.state === CONNECTING || (isReply && manager.pendingQueue[0]?.request.header.type === GET_DATA);
  if (!hasBuffer || seen < 24 || seen < size + 4) return null;
  if (size < 20) return `a reply of ${size} bytes`;
  const inner = head.readInt32BE(20);
  return inner < -1 || inner > size ? `a reply of ${size} bytes that contains ${inner}` : null;
}

/** `host:port`, `[v6]:port` or a bare host with ZooKeeper's port. */
function hostAndPort(server: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+))(?::(?<port>\d+))?$/.exec(server);
  const host = found?.groups?.v6 ?? found?.groups?.host;
  if (host === undefined) throw new ZooKeeperError('not-understood', `expected host:port, found "${server}"`);
  return { host, port: Number(found?.groups?.port ?? 2181) };
}
