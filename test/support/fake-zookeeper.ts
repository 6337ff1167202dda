import { createServer, type AddressInfo, type Socket } from 'node:net';
import { frames, JuteReader, JuteWriter, OP } from './jute.js';

/** A request as the fake server sees it. */
export interface ZooKeeperRequest {
  readonly op: keyof typeof OP | 'connect' | 'unknown';
  readonly path: string;
  /** How many requests of this connection came before; `connect` is 0. */
  readonly nth: number;
  readonly socket: Socket;
}

/** What to do instead of the right answer: a reply code, raw bytes, silence, or something with the socket. */
export type Instead =
  | { readonly code: number }
  | { readonly raw: Buffer }
  | 'silence'
  | 'cut'
  /** Half of the right answer, then the connection is cut. */
  | 'half'
  /** The right answer, one byte every few milliseconds, for ever unfinished. */
  | 'drip';

export interface FakeZooKeeper {
  readonly address: string;
  /** Every request in order. */
  readonly seen: readonly ZooKeeperRequest[];
  readonly connections: () => number;
  set(path: string, data?: Uint8Array): void;
  remove(path: string): void;
  /** Overrides answers: undefined means the right one. Called before the answer, so it may change the tree. */
  onRequest(instead: (request: ZooKeeperRequest) => Instead | undefined): void;
  /** Ends its own connections and timers, so that only the client's can be left. */
  forget(): void;
  close(): Promise<void>;
}

interface Node {
  data: Buffer;
  version: number;
}

/** A ZooKeeper in this process, with one member and a tree in memory, that misbehaves on demand. */
export async function startFakeZooKeeper(): Promise<FakeZooKeeper> {
  const tree = new Map<string, Node>([['/', { data: Buffer.alloc(0), version: 0 }]]);
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const seen: ZooKeeperRequest[] = [];
  let instead: (request: ZooKeeperRequest) => Instead | undefined = () => undefined;

  const childrenOf = (path: string) => {
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...tree.keys()]
      .filter(
        (other) => other !== '/' && other.startsWith(prefix) && !other.slice(prefix.length).includes('/'),
      )
      .map((other) => other.slice(prefix.length));
  };
  const bump = (path: string) => {
    const parent = tree.get(parentOf(path));
    if (parent !== undefined) parent.version++;
  };
  const stat = (writer: JuteWriter, path: string) => {
    const node = tree.get(path);
    for (let i = 0; i < 4; i++) writer.long(1n);
    return writer
      .int(0)
      .int(node?.version ?? 0)
      .int(0)
      .long(0n)
      .int(node?.data.length ?? 0)
      .int(childrenOf(path).length)
      .long(1n);
  };
  const answer = (op: number, xid: number, path: string): Buffer => {
    const node = tree.get(path);
    const reply = (code: number) => new JuteWriter().int(xid).long(1n).int(code);
    if (op === OP.ping || op === OP.auth || op === OP.close) return reply(0).frame();
    if (op === OP.multi) return reply(0).int(OP.check).bool(false).int(0).int(-1).bool(true).int(-1).frame();
    if (node === undefined) return reply(-101).frame();
    if (op === OP.exists) return stat(reply(0), path).frame();
    if (op === OP.getData) return stat(reply(0).buffer(node.data), path).frame();
    if (op === OP.getChildren2) return stat(reply(0).texts(childrenOf(path)), path).frame();
    return reply(-6).frame();
  };
  const send = (socket: Socket, right: () => Buffer, what: Instead | undefined, xid: number) => {
    if (what === undefined) socket.write(right());
    else if (what === 'cut') socket.destroy();
    else if (what === 'half') {
      const bytes = right();
      socket.end(bytes.subarray(0, bytes.length >> 1));
    } else if (what === 'drip') {
      const bytes = right();
      let at = 0;
      const timer = setInterval(() => {
        if (at < bytes.length - 1 && socket.writable) socket.write(bytes.subarray(at, ++at));
      }, 20);
      timers.add(timer);
    } else if (what !== 'silence')
      socket.write('raw' in what ? what.raw : new JuteWriter().int(xid).long(1n).int(what.code).frame());
  };

  const forget = () => {
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let nth = 0;
    socket.on(
      'data',
      frames((frame) => {
        const reader = new JuteReader(frame);
        if (nth === 0) {
          const request = { op: 'connect', path: '', nth: nth++, socket } as const;
          seen.push(request);
          const right = () => new JuteWriter().int(0).int(4000).long(7n).buffer(Buffer.alloc(16)).frame();
          send(socket, right, instead(request), 0);
          return;
        }
        const xid = reader.int();
        const code = reader.int();
        const op =
          (Object.keys(OP) as (keyof typeof OP)[]).find((name) => OP[name] === code) ?? ('unknown' as const);
        const hasPath = op === 'getData' || op === 'getChildren2' || op === 'exists';
        const path = hasPath ? reader.text() : '';
        const request: ZooKeeperRequest = { op, path, nth: nth++, socket };
        seen.push(request);
        send(socket, () => answer(code, xid, path), instead(request), xid);
        if (op === 'close') socket.end();
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => sockets.size,
    set: (path, data = new Uint8Array()) => {
      const names = path.split('/').slice(1);
      for (let depth = 1; depth <= names.length; depth++) {
        const at = `/${names.slice(0, depth).join('/')}`;
        if (tree.has(at)) continue;
        tree.set(at, { data: Buffer.alloc(0), version: 0 });
        bump(at);
      }
      (tree.get(path) as Node).data = Buffer.from(data);
    },
    remove: (path) => {
      for (const other of [...tree.keys()])
        if (other === path || other.startsWith(`${path}/`)) {
          tree.delete(other);
          bump(other);
        }
    },
    onRequest: (next) => {
      instead = next;
    },
    forget,
    close: async () => {
      forget();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';
