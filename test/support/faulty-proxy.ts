/**
 * A proxy on 127.0.0.1 between a client and a real or fake system, that misbehaves on demand. It works on bytes, so it
 * serves any protocol; `html`, `redirect`, `hang after head` and `cut` know where an HTTP head ends.
 */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

export type ProxyFault =
  /** Everything is passed on. */
  | { readonly is: 'none' }
  /** Nobody listens: new connections are refused, existing ones reset. */
  | { readonly is: 'refuse' }
  /** Connections are accepted and reset when the first byte arrives (after it was passed on, with `after: 'answer'`). */
  | { readonly is: 'reset'; readonly after?: 'request' | 'answer' }
  /** Connections are accepted; not a byte is passed on, in either direction. What is open freezes too. */
  | { readonly is: 'hang' }
  /** The request is kept back, and passed on late: when the fault is lifted, also when the client has gone by then. */
  | { readonly is: 'hold' }
  /** The request is passed on, the answer is not. */
  | { readonly is: 'mute' }
  /** The head of the answer is passed on, the body never. */
  | { readonly is: 'hang-after-head' }
  /** The answer comes byte by byte, one every `every` milliseconds. */
  | { readonly is: 'drip'; readonly every: number }
  /** The answer ends after its head and `bytes` of its body; with `bytes` counted from the start for `raw`. */
  | { readonly is: 'cut'; readonly bytes: number; readonly raw?: true }
  /** A page of somebody else, with any status. */
  | { readonly is: 'html'; readonly status: number }
  /** A redirect elsewhere. */
  | { readonly is: 'redirect'; readonly status: number; readonly location: string };

/** Every way in which a proxy keeps an HTTP answer from a client. */
export const HTTP_FAULTS: readonly (ProxyFault & { readonly name: string })[] = [
  { name: 'refuses', is: 'refuse' },
  { name: 'resets on the request', is: 'reset' },
  { name: 'resets in the answer', is: 'reset', after: 'answer' },
  { name: 'hangs before the head', is: 'hang' },
  { name: 'swallows the answer', is: 'mute' },
  { name: 'hangs after the head', is: 'hang-after-head' },
  { name: 'drips', is: 'drip', every: 20 },
  { name: 'cuts the body', is: 'cut', bytes: 5 },
  { name: 'cuts before the body', is: 'cut', bytes: 0 },
  { name: 'cuts the head', is: 'cut', bytes: 30, raw: true },
  { name: 'answers HTML', is: 'html', status: 200 },
  { name: 'answers an HTML 403', is: 'html', status: 403 },
  { name: 'answers an HTML 404', is: 'html', status: 404 },
  { name: 'answers an HTML 503', is: 'html', status: 503 },
  { name: 'redirects elsewhere', is: 'redirect', status: 302, location: 'http://127.0.0.1:9/' },
  { name: 'redirects elsewhere with 307', is: 'redirect', status: 307, location: 'http://127.0.0.1:9/x' },
  { name: 'redirects to itself', is: 'redirect', status: 302, location: '/overview' },
];

export interface FaultyProxy {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  /**
   * Takes effect at once, on open connections too. With `only`, on connections alone whose first bytes (a request
   * line) match; `refuse` cannot know them and takes all.
   */
  set(fault: ProxyFault, only?: RegExp): Promise<void>;
  /** Connections accepted so far. */
  accepted(): number;
  /** What clients have sent so far, as text, one entry a connection. */
  received(): readonly string[];
  /** Connections of clients that are open now. */
  open(): number;
  close(): Promise<void>;
}

/** Starts a proxy in front of `127.0.0.1:target`, or of nothing: then only the faults that need no target work. */
export async function faultyProxy(target: number | null): Promise<FaultyProxy> {
  let current: ProxyFault = { is: 'none' };
  let only: RegExp | undefined;
  let accepted = 0;
  const clients = new Set<Socket>();
  const received: string[] = [];
  const ends = new Set<() => void>();
  const releases = new Set<() => void>();

  function serve(client: Socket): void {
    const entry = received.push('') - 1;
    const faultHere = (): ProxyFault =>
      only === undefined || only.test(received[entry] ?? '') ? current : { is: 'none' };
    accepted += 1;
    clients.add(client);
    let upstream: Socket | null = null;
    let answered = Buffer.alloc(0);
    let passed = 0;
    const kept: Buffer[] = [];
    const release = () => {
      releases.delete(release);
      for (const chunk of kept.splice(0)) (upstream ??= dial())?.write(chunk);
    };
    const timers = new Set<NodeJS.Timeout>();
    const end = () => {
      for (const timer of timers) clearInterval(timer);
      clients.delete(client);
      ends.delete(end);
      client.destroy();
      if (kept.length === 0) upstream?.destroy();
    };
    ends.add(end);
    client.on('error', end);
    client.on('close', end);
    client.on('data', (chunk: Buffer) => {
      received[entry] = `${received[entry] ?? ''}${chunk.toString('latin1')}`.slice(0, 100_000);
      const fault = faultHere();
      switch (fault.is) {
        case 'refuse':
          client.resetAndDestroy();
          return;
        case 'hang':
          return;
        case 'hold':
          kept.push(chunk);
          releases.add(release);
          return;
        case 'reset':
          if (fault.after === 'answer') break;
          client.resetAndDestroy();
          return;
        case 'html': {
          const page = '<html><body><h1>Welcome to the gateway</h1></body></html>';
          client.end(head(fault.status, `Content-Type: text/html\r\nContent-Length: ${page.length}`) + page);
          return;
        }
        case 'redirect':
          client.end(head(fault.status, `Location: ${fault.location}\r\nContent-Length: 0`));
          return;
        case 'none':
        case 'mute':
        case 'hang-after-head':
        case 'drip':
        case 'cut':
      }
      upstream ??= dial();
      upstream?.write(chunk);
    });

    function dial(): Socket | null {
      if (target === null) return null;
      const socket = connect(target, '127.0.0.1');
      socket.on('error', end);
      socket.on('data', (chunk: Buffer) => {
        answered = Buffer.concat([answered, chunk]);
        pass();
      });
      socket.on('end', () => {
        const fault = faultHere();
        if (passed === answered.length && fault.is !== 'hang' && fault.is !== 'mute') client.end();
      });
      return socket;
    }

    function pass(): void {
      const fault = faultHere();
      switch (fault.is) {
        case 'hang':
        case 'mute':
          return;
        case 'reset':
        case 'refuse':
          client.resetAndDestroy();
          return;
        case 'hold':
          passTo(answered.length);
          return;
        case 'hang-after-head':
          passTo(headEnd(answered));
          return;
        case 'cut': {
          const end = fault.raw ? 0 : headEnd(answered);
          if (end === null || answered.length < end + fault.bytes) {
            if (end !== null && fault.bytes === 0) client.end();
            return;
          }
          passTo(end + fault.bytes);
          client.end();
          return;
        }
        case 'drip': {
          if (timers.size > 0) return;
          timers.add(setInterval(() => passTo(Math.min(passed + 1, answered.length)), fault.every));
          return;
        }
        case 'none':
        case 'html':
        case 'redirect':
          passTo(answered.length);
      }
    }

    function passTo(end: number | null): void {
      if (end === null || end <= passed || client.destroyed) return;
      client.write(answered.subarray(passed, end));
      passed = end;
    }
  }

  let server: Server | null = await listening(serve, 0);
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the proxy has no port');
  const { port } = bound;

  async function stopListening(): Promise<void> {
    if (!server) return;
    const closing = once(server, 'close');
    server.close();
    server = null;
    for (const client of clients) client.resetAndDestroy();
    for (const end of ends) end();
    await closing;
  }

  return {
    host: '127.0.0.1',
    port,
    address: `127.0.0.1:${port}`,
    async set(next, which) {
      current = next;
      only = which;
      if (next.is !== 'hold') for (const release of [...releases]) release();
      if (next.is === 'refuse') await stopListening();
      else server ??= await listening(serve, port);
    },
    accepted: () => accepted,
    received: () => received,
    open: () => clients.size,
    close: stopListening,
  };
}

async function listening(serve: (client: Socket) => void, port: number): Promise<Server> {
  const server = createServer(serve);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const head = (status: number, headers: string): string =>
  `HTTP/1.1 ${status} Somebody Else\r\n${headers}\r\nConnection: close\r\n\r\n`;

/** Where the body begins; null while the head is not complete. */
function headEnd(bytes: Buffer): number | null {
  const at = bytes.indexOf('\r\n\r\n');
  return at < 0 ? null : at + 4;
}
