import { createServer, type AddressInfo, type Socket } from 'node:net';
import { frames } from './jute.js';

/** The requests that the fake broker answers, with the one version that it speaks of each. */
const APIS = {
  Fetch: [1, 4],
  ListOffsets: [2, 2],
  Metadata: [3, 4],
  OffsetCommit: [8, 5],
  OffsetFetch: [9, 3],
  FindCoordinator: [10, 1],
  DescribeGroups: [15, 1],
  ListGroups: [16, 1],
  SaslHandshake: [17, 1],
  ApiVersions: [18, 1],
  DescribeConfigs: [32, 1],
  SaslAuthenticate: [36, 0],
} as const;

export type KafkaApi = keyof typeof APIS;

/** A request as the fake broker sees it. */
export interface KafkaRequest {
  readonly api: KafkaApi;
  /** How many requests of this kind came before, to this broker. */
  readonly nth: number;
}

/** What to do instead of the right answer. `lost`: do it, and say nothing. */
export type KafkaInstead = { readonly raw: Buffer } | 'silence' | 'lost' | 'cut' | 'half' | 'drip';

export interface FakePartition {
  readonly start: bigint;
  readonly end: bigint;
  /** Answered for the offset of any time; default -1: none. */
  readonly at?: bigint;
  readonly records?: Buffer;
  /** Default: this broker. -1: none. */
  readonly leader?: number;
  /** Error codes by request; default 0. */
  readonly code?: Partial<Record<KafkaApi, number>>;
}

/** What the broker says of the world. Change it at will. */
export interface FakeKafkaWorld {
  topics: Record<
    string,
    { code?: number; partitions: Record<number, FakePartition>; settings?: Record<string, string> }
  >;
  groups: Record<string, { state: string; members: number; offsets: Record<string, bigint> }>;
  controller: number;
  /** Beside this broker itself. */
  brokers: { nodeId: number; port: number }[];
  /** Error codes for whole requests. */
  code: Partial<Record<KafkaApi, number>>;
  /** Leaves itself out of the list of brokers. */
  alone: boolean;
}

export interface FakeKafka {
  readonly address: string;
  readonly port: number;
  readonly world: FakeKafkaWorld;
  readonly seen: readonly KafkaApi[];
  readonly connections: () => number;
  onRequest(instead: (request: KafkaRequest) => KafkaInstead | undefined): void;
  /** Ends its own connections and timers, so that only the client's can be left. */
  forget(): void;
  close(): Promise<void>;
}

class Writer {
  private readonly parts: Buffer[] = [];
  private number(bytes: number, write: (part: Buffer) => void): this {
    const part = Buffer.alloc(bytes);
    write(part);
    this.parts.push(part);
    return this;
  }
  i8 = (value: number) => this.number(1, (part) => part.writeInt8(value));
  i16 = (value: number) => this.number(2, (part) => part.writeInt16BE(value));
  i32 = (value: number) => this.number(4, (part) => part.writeInt32BE(value));
  i64 = (value: bigint) => this.number(8, (part) => part.writeBigInt64BE(value));
  text(value: string | null): this {
    if (value === null) return this.i16(-1);
    this.i16(Buffer.byteLength(value));
    this.parts.push(Buffer.from(value));
    return this;
  }
  bytes(value: Buffer): this {
    this.i32(value.length);
    this.parts.push(value);
    return this;
  }
  each<T>(values: readonly T[], write: (value: T) => unknown): this {
    this.i32(values.length);
    for (const value of values) write(value);
    return this;
  }
  frame(): Buffer {
    const body = Buffer.concat(this.parts);
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  }
}

class Reader {
  private at = 0;
  constructor(private readonly buffer: Buffer) {}
  i8 = () => this.buffer.readInt8((this.at += 1) - 1);
  i16 = () => this.buffer.readInt16BE((this.at += 2) - 2);
  i32 = () => this.buffer.readInt32BE((this.at += 4) - 4);
  i64 = () => this.buffer.readBigInt64BE((this.at += 8) - 8);
  text(): string {
    const length = this.i16();
    this.at += Math.max(0, length);
    return length < 0 ? '' : this.buffer.toString('utf8', this.at - length, this.at);
  }
  each<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.i32()) }, read);
  }
}

/** A Kafka broker in this process, node 1 of its cluster, that answers from a world in memory and misbehaves on demand. */
export async function startFakeKafka(nodeId = 1): Promise<FakeKafka> {
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const seen: KafkaApi[] = [];
  const world: FakeKafkaWorld = {
    topics: {},
    groups: {},
    controller: nodeId,
    brokers: [],
    code: {},
    alone: false,
  };
  let instead: (request: KafkaRequest) => KafkaInstead | undefined = () => undefined;
  let port = 0;

  const partitionOf = (topic: string, partition: number) => world.topics[topic]?.partitions[partition];
  const codeOf = (api: KafkaApi, topic: string, partition: number) => {
    const found = partitionOf(topic, partition);
    return world.code[api] ?? (found === undefined ? 3 : (found.code?.[api] ?? 0));
  };

  const answers: Record<KafkaApi, (request: Reader, out: Writer) => unknown> = {
    ApiVersions: (_, out) =>
      out
        .i16(world.code.ApiVersions ?? 0)
        .each(Object.values(APIS), ([key, version]) => out.i16(key).i16(0).i16(version))
        .i32(0),
    SaslHandshake: (_, out) =>
      out.i16(world.code.SaslHandshake ?? 0).each(['PLAIN', 'SCRAM-SHA-256'], (name) => out.text(name)),
    SaslAuthenticate: (_, out) =>
      out
        .i16(world.code.SaslAuthenticate ?? 0)
        .text('Authentication failed')
        .bytes(Buffer.alloc(0)),
    Metadata: (request, out) => {
      const topics = request.each(() => request.text());
      const brokers = [...(world.alone ? [] : [{ nodeId, port }]), ...world.brokers];
      out
        .i32(0)
        .each(brokers, (broker) => out.i32(broker.nodeId).text('127.0.0.1').i32(broker.port).text(null))
        .text('cluster')
        .i32(world.controller)
        .each(topics, (topic) => {
          const found = world.topics[topic];
          out
            .i16(world.code.Metadata ?? (found === undefined ? 3 : (found.code ?? 0)))
            .text(topic)
            .i8(0);
          out.each(Object.entries(found?.partitions ?? {}), ([partition, { leader, code }]) => {
            out
              .i16(code?.Metadata ?? 0)
              .i32(Number(partition))
              .i32(leader ?? nodeId);
            out.each([leader ?? nodeId], out.i32).each([leader ?? nodeId], out.i32);
          });
        });
    },
    ListOffsets: (request, out) => {
      request.i32();
      request.i8();
      const topics = request.each(() => ({
        topic: request.text(),
        partitions: request.each(() => ({ partition: request.i32(), time: request.i64() })),
      }));
      out.i32(0).each(topics, ({ topic, partitions }) =>
        out.text(topic).each(partitions, ({ partition, time }) => {
          const found = partitionOf(topic, partition);
          const offset = time === -2n ? found?.start : time === -1n ? found?.end : (found?.at ?? -1n);
          out
            .i32(partition)
            .i16(codeOf('ListOffsets', topic, partition))
            .i64(-1n)
            .i64(offset ?? -1n);
        }),
      );
    },
    Fetch: (request, out) => {
      request.i32();
      request.i32();
      request.i32();
      request.i32();
      request.i8();
      const topics = request.each(() => ({
        topic: request.text(),
        partitions: request.each(() => {
          const partition = request.i32();
          request.i64();
          request.i32();
          return partition;
        }),
      }));
      out.i32(0).each(topics, ({ topic, partitions }) =>
        out.text(topic).each(partitions, (partition) => {
          const found = partitionOf(topic, partition);
          out.i32(partition).i16(codeOf('Fetch', topic, partition));
          out
            .i64(found?.end ?? -1n)
            .i64(found?.end ?? -1n)
            .i32(-1)
            .bytes(found?.records ?? Buffer.alloc(0));
        }),
      );
    },
    FindCoordinator: (_, out) =>
      out
        .i32(0)
        .i16(world.code.FindCoordinator ?? 0)
        .text(null)
        .i32(nodeId)
        .text('127.0.0.1')
        .i32(port),
    DescribeGroups: (request, out) =>
      out.i32(0).each(
        request.each(() => request.text()),
        (group) => {
          const found = world.groups[group];
          out
            .i16(world.code.DescribeGroups ?? 0)
            .text(group)
            .text(found?.state ?? 'Dead')
            .text('consumer')
            .text('range');
          out.each(
            Array.from({ length: found?.members ?? 0 }, (_, index) => `member-${index}`),
            (member) =>
              out
                .text(member)
                .text('client')
                .text('/127.0.0.1')
                .bytes(Buffer.alloc(0))
                .bytes(Buffer.alloc(0)),
          );
        },
      ),
    ListGroups: (_, out) =>
      out
        .i32(0)
        .i16(world.code.ListGroups ?? 0)
        .each(Object.keys(world.groups), (group) => out.text(group).text('consumer')),
    OffsetFetch: (request, out) => {
      const group = world.groups[request.text()];
      const topics = request.each(() => ({
        topic: request.text(),
        partitions: request.each(() => request.i32()),
      }));
      out
        .i32(0)
        .each(topics, ({ topic, partitions }) =>
          out.text(topic).each(partitions, (partition) =>
            out
              .i32(partition)
              .i64(group?.offsets[`${topic}/${partition}`] ?? -1n)
              .text('')
              .i16(partitionOf(topic, partition)?.code?.OffsetFetch ?? 0),
          ),
        )
        .i16(world.code.OffsetFetch ?? 0);
    },
    OffsetCommit: (request, out) => {
      const name = request.text();
      const group = (world.groups[name] ??= { state: 'Empty', members: 0, offsets: {} });
      request.i32();
      request.text();
      const topics = request.each(() => ({
        topic: request.text(),
        partitions: request.each(() => {
          const position = { partition: request.i32(), offset: request.i64() };
          request.text();
          return position;
        }),
      }));
      out.i32(0).each(topics, ({ topic, partitions }) =>
        out.text(topic).each(partitions, ({ partition, offset }) => {
          const code = codeOf('OffsetCommit', topic, partition);
          if (code === 0) group.offsets[`${topic}/${partition}`] = offset;
          out.i32(partition).i16(code);
        }),
      );
    },
    DescribeConfigs: (request, out) => {
      const resources = request.each(() => {
        request.i8();
        const name = request.text();
        request.each(() => request.text());
        return name;
      });
      out.i32(0).each(resources, (name) => {
        out
          .i16(world.code.DescribeConfigs ?? 0)
          .text(null)
          .i8(2)
          .text(name);
        out.each(Object.entries(world.topics[name]?.settings ?? {}), ([key, value]) =>
          out.text(key).text(value).i8(0).i8(5).i8(0).i32(0),
        );
      });
    },
  };

  const send = (socket: Socket, bytes: Buffer, what: KafkaInstead | undefined) => {
    if (what === undefined) socket.write(bytes);
    else if (what === 'cut') socket.destroy();
    else if (what === 'half') socket.end(bytes.subarray(0, bytes.length >> 1));
    else if (what === 'drip') {
      let at = 0;
      timers.add(
        setInterval(() => {
          if (at < bytes.length - 1 && socket.writable) socket.write(bytes.subarray(at, ++at));
        }, 20),
      );
    } else if (what !== 'silence' && what !== 'lost') socket.write(what.raw);
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on(
      'data',
      frames((frame) => {
        const request = new Reader(frame);
        const key = request.i16();
        const version = request.i16();
        const correlation = request.i32();
        request.text();
        const api = (Object.keys(APIS) as KafkaApi[]).find((name) => APIS[name][0] === key);
        if (api === undefined) throw new Error(`the fake broker does not know request ${key}`);
        const nth = seen.filter((other) => other === api).length;
        seen.push(api);
        const what = instead({ api, nth });
        const out = new Writer().i32(correlation);
        if (api === 'ApiVersions' && version > APIS.ApiVersions[1]) out.i16(35).i32(0);
        else if (what !== 'silence') answers[api](request, out);
        send(socket, out.frame(), what);
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
  const forget = () => {
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${port}`,
    port,
    world,
    seen,
    connections: () => sockets.size,
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
