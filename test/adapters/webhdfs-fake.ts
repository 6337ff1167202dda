/**
 * A small HDFS: NameNodes over one namespace in memory, and a DataNode. It answers as the real one was captured, and
 * anything it says can be replaced while it runs.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

export const capturedBody = (name: string): string =>
  readFileSync(new URL(`../fixtures/captures/webhdfs/${name}`, import.meta.url), 'utf8');

/** Status of a captured answer, from its `.head`. */
export function capturedStatus(name: string): number {
  const head = readFileSync(new URL(`../fixtures/captures/webhdfs/${name}.head`, import.meta.url), 'utf8');
  return Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
}

export interface Reply {
  readonly status: number;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body ends here although more was announced. */
  readonly cutAt?: number;
}

export interface Ask {
  readonly method: string;
  readonly op: string;
  /** Decoded, without `/webhdfs/v1`; of a servlet its own path. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly part: 'name' | 'data';
  /** The address that was asked: a proxy stays in between. */
  readonly origin: string;
}

/** A promise holds the answer back until it is settled. */
type Hook = (ask: Ask) => Reply | 'hang' | 'reset' | undefined | Promise<undefined>;

interface Node {
  kind: 'file' | 'directory';
  bytes: Buffer;
  readonly id: number;
  modified: number;
}

export interface Namespace {
  readonly nodes: Map<string, Node>;
  write(path: string, bytes: Buffer | string): void;
  mkdirs(path: string): void;
}

export function namespace(): Namespace {
  const nodes = new Map<string, Node>();
  let ids = 16_385;
  const add = (path: string, kind: Node['kind'], bytes: Buffer) =>
    nodes.set(path, { kind, bytes, id: (ids += 1), modified: 1_795_000_000_000 + ids });
  const mkdirs = (path: string) => {
    const parts = path.split('/').filter((part) => part !== '');
    for (let n = 0; n <= parts.length; n += 1) {
      const each = `/${parts.slice(0, n).join('/')}`;
      if (!nodes.has(each)) add(each, 'directory', Buffer.alloc(0));
    }
  };
  mkdirs('/');
  return {
    nodes,
    mkdirs,
    write(path, bytes) {
      mkdirs(path.slice(0, path.lastIndexOf('/')) || '/');
      add(path, 'file', Buffer.from(bytes));
    },
  };
}

export interface FakeNameNode {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  state: 'active' | 'standby' | 'starting';
  /** Text of NameNodeInfo.Safemode; empty: off. */
  safemode: string;
  transition: number;
  started: number;
  /** Entries of one page of a batch. */
  pageSize: number;
  /** Replaces single answers; the newest first. */
  hook: Hook | null;
  /** Every request, as `METHOD OP path`. */
  readonly asked: string[];
  /** Every request line, with its query. */
  readonly lines: string[];
  close(): Promise<void>;
}

export async function fakeNameNode(
  files: Namespace,
  tls?: { readonly cert: string; readonly key: string },
): Promise<FakeNameNode> {
  const asked: string[] = [];
  const lines: string[] = [];
  const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
    void answer(request, response).catch(() => request.socket.destroy());
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const host = `127.0.0.1:${address.port}`;
  const url = `${tls ? 'https' : 'http'}://${host}`;
  const node: FakeNameNode = {
    url,
    host,
    port: address.port,
    state: 'active',
    safemode: '',
    transition: 7,
    started: 1_795_000_000_000,
    pageSize: 1000,
    hook: null,
    asked,
    lines,
    async close() {
      server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    lines.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const target = new URL(request.url ?? '/', url);
    const query = target.searchParams;
    const path = decodeURIComponent(target.pathname);
    const isFile = path.startsWith('/webhdfs/v1');
    const ask: Ask = {
      method: request.method ?? '',
      op: isFile ? (query.get('op') ?? '').toUpperCase() : path,
      path: isFile ? path.slice('/webhdfs/v1'.length) || '/' : path,
      query,
      body: Buffer.concat(chunks),
      part: query.has('datanode') ? 'data' : 'name',
      origin: `${tls ? 'https' : 'http'}://${request.headers.host ?? host}`,
    };
    asked.push(`${ask.part} ${ask.method} ${ask.op} ${ask.path}`);
    const reply = (await node.hook?.(ask)) ?? usual(ask, node, files);
    if (reply === 'hang') return;
    if (reply === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const body = Buffer.from(reply.body ?? '');
    response.writeHead(reply.status, {
      'content-type': 'application/json',
      'content-length': String(body.length),
      connection: 'close',
      ...reply.headers,
    });
    if (reply.cutAt === undefined) {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, reply.cutAt));
    response.flushHeaders();
    setTimeout(() => request.socket.destroy(), 5);
  }
  return node;
}

export const ok = (body: unknown): Reply => ({ status: 200, body: JSON.stringify(body) });

export const remote = (status: number, exception: string, message: string): Reply => ({
  status,
  body: JSON.stringify({ RemoteException: { exception, javaClassName: `x.${exception}`, message } }),
});

export const page = (status: number): Reply => ({
  status,
  body: '<html><body>Please log in</body></html>',
  headers: { 'content-type': 'text/html' },
});

function usual(ask: Ask, node: FakeNameNode, files: Namespace): Reply {
  if (ask.part === 'data') return ofDataNode(ask, files);
  if (ask.path === '/jmx' && ask.op === '/jmx') return jmx(ask, node);
  if (ask.op === '/fsck') return { status: 200, body: fsck(ask.query.get('path') ?? '', files) };
  if (node.state !== 'active')
    return remote(
      403,
      'StandbyException',
      'Operation category READ is not supported in state standby. Visit https://s.apache.org/sbnn-error',
    );
  return ofNameNode(ask, node, files);
}

function jmx(ask: Ask, node: FakeNameNode): Reply {
  if (ask.query.get('qry') === 'Hadoop:service=NameNode,name=NameNodeStatus') {
    if (node.state === 'starting') return ok({ beans: [] });
    const bean = {
      name: 'Hadoop:service=NameNode,name=NameNodeStatus',
      State: node.state,
      HostAndPort: 'nn:8020',
      LastHATransitionTime: node.transition,
    };
    return ok({ beans: [bean] });
  }
  const attributes: Readonly<Record<string, unknown>> = {
    'Hadoop:service=NameNode,name=NameNodeInfo::Safemode': node.safemode,
    'Hadoop:service=NameNode,name=NameNodeInfo::ClusterId': 'lab',
    'java.lang:type=Runtime::StartTime': node.started,
    'Hadoop:service=NameNode,name=FSNamesystem::MissingBlocks': 0,
    'Hadoop:service=NameNode,name=FSNamesystem::CorruptBlocks': 0,
  };
  const get = ask.query.get('get') ?? '';
  const attribute = get.split('::')[1] ?? '';
  return ok({ beans: [{ name: get.split('::')[0], [attribute]: attributes[get] }] });
}

function fsck(path: string, files: Namespace): string {
  return files.nodes.has(path)
    ? `FSCK started\n\nStatus: HEALTHY\n\n\nThe filesystem under path '${path}' is HEALTHY`
    : `FSCK started\n\n\nPath '${path}' does not exist`;
}

function ofNameNode(ask: Ask, node: FakeNameNode, files: Namespace): Reply {
  const found = files.nodes.get(ask.path);
  const missing = () => remote(404, 'FileNotFoundException', `File does not exist: ${ask.path}`);
  if (!found) {
    const above = [...files.nodes].find(
      ([path, { kind }]) => kind === 'file' && ask.path.startsWith(`${path}/`),
    );
    if (above) return remote(403, 'AccessControlException', `${above[0]} (is not a directory)`);
  }
  switch (ask.op) {
    case 'GETFILESTATUS':
      return found ? ok({ FileStatus: status('', found) }) : missing();
    case 'LISTSTATUS':
    case 'LISTSTATUS_BATCH': {
      if (!found) return missing();
      const prefix = ask.path === '/' ? '/' : `${ask.path}/`;
      const names = [...files.nodes.keys()]
        .filter((path) => path !== '/' && path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
        .map((path) => path.slice(prefix.length))
        .sort();
      const entries =
        found.kind === 'file'
          ? [status('', found)]
          : names.flatMap((name) => {
              const each = files.nodes.get(prefix + name);
              return each ? [status(name, each)] : [];
            });
      if (ask.op === 'LISTSTATUS') return ok({ FileStatuses: { FileStatus: entries } });
      const after = ask.query.get('startAfter') ?? '';
      const rest = entries.filter(({ pathSuffix }) => after === '' || pathSuffix > after);
      return ok({
        DirectoryListing: {
          partialListing: { FileStatuses: { FileStatus: rest.slice(0, node.pageSize) } },
          remainingEntries: Math.max(0, rest.length - node.pageSize),
        },
      });
    }
    case 'OPEN':
      if (!found) return missing();
      return toDataNode(ask);
    case 'CREATE':
      return toDataNode(ask);
    case 'DELETE':
      return ok({ boolean: files.nodes.delete(ask.path) });
    case 'RENAME': {
      const to = ask.query.get('destination') ?? '';
      if (!found) return missing();
      if (files.nodes.has(to))
        return remote(403, 'FileAlreadyExistsException', `rename destination ${to} already exists`);
      files.nodes.set(to, found);
      files.nodes.delete(ask.path);
      return { status: 200 };
    }
    default:
      return remote(
        400,
        'IllegalArgumentException',
        `Invalid value for webhdfs parameter "op": ${ask.op} is not a valid ${ask.method} operation.`,
      );
  }
}

function toDataNode(ask: Ask): Reply {
  const location = new URL(`/webhdfs/v1${ask.path.split('/').map(encodeURIComponent).join('/')}`, ask.origin);
  for (const [key, value] of ask.query) location.searchParams.set(key, value);
  location.searchParams.set('datanode', '1');
  return { status: 307, headers: { location: location.href, 'content-type': 'application/octet-stream' } };
}

function ofDataNode(ask: Ask, files: Namespace): Reply {
  const found = files.nodes.get(ask.path);
  if (ask.op === 'CREATE') {
    if (found)
      return remote(403, 'FileAlreadyExistsException', `${ask.path} for client 127.0.0.1 already exists`);
    files.write(ask.path, ask.body);
    return { status: 201 };
  }
  if (!found) return remote(404, 'FileNotFoundException', `File ${ask.path} not found.`);
  if (found.kind === 'directory')
    return remote(404, 'FileNotFoundException', `Path is not a file: ${ask.path}\n\tat x.y(Z.java:1)`);
  const offset = Number(ask.query.get('offset') ?? 0);
  if (offset > 0 && offset >= found.bytes.length)
    return remote(
      403,
      'IOException',
      `Offset=${offset} out of the range [0, ${found.bytes.length}); OPEN, path=${ask.path}`,
    );
  const length = Number(ask.query.get('length') ?? found.bytes.length);
  return {
    status: 200,
    body: found.bytes.subarray(offset, offset + length),
    headers: { 'content-type': 'application/octet-stream' },
  };
}

const status = (name: string, node: Node) => ({
  pathSuffix: name,
  type: node.kind === 'file' ? 'FILE' : 'DIRECTORY',
  length: node.bytes.length,
  modificationTime: node.modified,
  fileId: node.id,
});
