import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { frames, JuteReader, JuteWriter, OP } from './jute.js';

/** Writes into a real ZooKeeper, which the product cannot. */
export interface ZooKeeperHands {
  /** Creates a node and those above it, or replaces its data. */
  put(path: string, data?: Uint8Array): Promise<void>;
  /** Creates a node that only this digest user may read. */
  putFor(digestId: string, path: string): Promise<void>;
  close(): void;
}

const WORLD = { scheme: 'world', id: 'anyone' };
const ALL = 31;
const NODE_EXISTS = -110;

/** Opens a session. @param address `host:port` */
export async function zookeeperHands(address: string): Promise<ZooKeeperHands> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect(Number(port), host);
  const waiting: { resolve: (code: number) => void; reject: (error: Error) => void }[] = [];
  const fail = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error(`${address} closed the connection`)));
  let open = false;
  socket.on(
    'data',
    frames((frame) => {
      const reader = new JuteReader(frame);
      const xid = reader.int();
      if (open && xid < 0) return;
      reader.long();
      waiting.shift()?.resolve(open ? reader.int() : 0);
      open = true;
    }),
  );
  const send = (bytes: Buffer) =>
    new Promise<number>((resolve, reject) => {
      waiting.push({ resolve, reject });
      socket.write(bytes);
    });
  await send(new JuteWriter().int(0).long(0n).int(30_000).long(0n).buffer(Buffer.alloc(16)).frame());
  let xid = 0;
  const request = (op: number) => new JuteWriter().int(++xid).int(op);
  const create = (path: string, data: Uint8Array, acl: { scheme: string; id: string }) =>
    send(
      request(OP.create).text(path).buffer(data).int(1).int(ALL).text(acl.scheme).text(acl.id).int(0).frame(),
    );
  const must = (code: number, what: string) => {
    if (code !== 0) throw new Error(`${what}: ZooKeeper answers ${code}`);
  };
  return {
    put: async (path, data = new Uint8Array()) => {
      const names = path.split('/').slice(1);
      for (let depth = 1; depth < names.length; depth++)
        await create(`/${names.slice(0, depth).join('/')}`, new Uint8Array(), WORLD);
      const code = await create(path, data, WORLD);
      if (code !== NODE_EXISTS) return must(code, `create ${path}`);
      must(await send(request(5).text(path).buffer(data).int(-1).frame()), `set ${path}`);
    },
    putFor: async (digestId, path) =>
      must(await create(path, new Uint8Array(), { scheme: 'digest', id: digestId }), `create ${path}`),
    close: () => socket.destroy(),
  };
}

/** What identifies a session: who has it can take the session over. */
export interface SessionKey {
  readonly id: bigint;
  readonly password: Buffer;
}

/** Closes somebody else's session, as its expiry would. */
export async function closeSession(address: string, { id, password }: SessionKey): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined);
  let answers = 0;
  socket.on(
    'data',
    frames(() => {
      if (++answers === 1) socket.write(new JuteWriter().int(1).int(OP.close).frame());
    }),
  );
  socket.write(new JuteWriter().int(0).long(0n).int(30_000).long(id).buffer(password).frame());
  await new Promise((resolve) => socket.once('close', resolve));
  if (answers < 2) throw new Error(`${address} did not close the session`);
}

/** A line to a member on which a session dies between its opening and its first request. */
export async function lineOnWhichSessionsDie(
  address: string,
): Promise<{ readonly address: string; readonly died: () => number; readonly close: () => Promise<void> }> {
  const [host = '', port = ''] = address.split(':');
  const sockets = new Set<Socket>();
  let died = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    let session: Promise<void> | undefined;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => void (session ?? Promise.resolve()).then(() => upstream.write(bytes)));
    const watch = frames((frame) => {
      if (session !== undefined) return;
      const reader = new JuteReader(frame);
      reader.int();
      reader.int();
      session = closeSession(address, { id: reader.long(), password: Buffer.from(reader.buffer()) }).then(
        () => {
          died++;
        },
      );
      session.catch(() => undefined);
    });
    upstream.on('data', (bytes: Buffer) => {
      watch(bytes);
      client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    died: () => died,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
