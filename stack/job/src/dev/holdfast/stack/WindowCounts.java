package dev.holdfast.stack;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;

/**
 * The job that is lost and recovered: Kafka lines "key,number,eventTimeMillis" to tumbling event-time counts per key,
 * and a running total per key in keyed state, to Kafka as JSON lines. The same source compiles for Flink 1.20 and 2.2.
 * Every operator has a uid. A line is keyed by its event key in the sink, so the lines of one key stay in order.
 *
 * <p>Arguments, each as "--name value" (an unknown one is refused):
 *
 * <pre>
 * brokers              Kafka bootstrap servers; required
 * in, out              topics; required
 * group                consumer group; required
 * name                 job name [window counts]
 * start                committed | earliest | latest: where a start without state begins [committed, else earliest]
 * parallelism          [2]
 * window-ms            length of a window [5000]
 * interval-ms          checkpoint interval [the cluster's setting]
 * guarantee            at-least-once | exactly-once [at-least-once]
 * tx-prefix            transactional id prefix of an exactly-once sink [the group]
 * tx-timeout-ms        transaction timeout of an exactly-once sink [600000]
 * fail-file            when this file appears, it is deleted and one task fails
 * total-uid            uid of the operator of the totals [total]; another one makes its state unmapped
 * </pre>
 */
public final class WindowCounts {
  private static final Set<String> KNOWN =
      Set.of(
          "brokers", "in", "out", "group", "name", "start", "parallelism", "window-ms", "interval-ms",
          "guarantee", "tx-prefix", "tx-timeout-ms", "fail-file", "total-uid");

  private WindowCounts() {}

  /** A line to (key, number, event time); fails once when the given file appears. */
  public static final class Parse implements MapFunction<String, Tuple3<String, Long, Long>> {
    private static final long serialVersionUID = 1L;
    private final String failFile;

    public Parse(String failFile) {
      this.failFile = failFile;
    }

    @Override
    public Tuple3<String, Long, Long> map(String line) {
      if (!failFile.isEmpty()) {
        File file = new File(failFile);
        if (file.exists() && file.delete()) throw new IllegalStateException("failure asked for by " + failFile);
      }
      String[] parts = line.split(",");
      return Tuple3.of(parts[0], Long.parseLong(parts[1]), Long.parseLong(parts[2]));
    }
  }

  public static final class Count implements AggregateFunction<Tuple3<String, Long, Long>, Long, Long> {
    private static final long serialVersionUID = 1L;

    @Override
    public Long createAccumulator() {
      return 0L;
    }

    @Override
    public Long add(Tuple3<String, Long, Long> event, Long count) {
      return count + 1;
    }

    @Override
    public Long getResult(Long count) {
      return count;
    }

    @Override
    public Long merge(Long a, Long b) {
      return a + b;
    }
  }

  /** A count to (key, window start, count). */
  public static final class Stamp
      extends ProcessWindowFunction<Long, Tuple3<String, Long, Long>, String, TimeWindow> {
    private static final long serialVersionUID = 1L;

    @Override
    public void process(
        String key, Context context, Iterable<Long> counts, Collector<Tuple3<String, Long, Long>> out) {
      out.collect(Tuple3.of(key, context.window().getStart(), counts.iterator().next()));
    }
  }

  /** (key, window start, count) to (key, window start, count, running total of the key). */
  public static final class Total
      extends KeyedProcessFunction<String, Tuple3<String, Long, Long>, Tuple4<String, Long, Long, Long>> {
    private static final long serialVersionUID = 1L;
    private transient ValueState<Long> total;

    @Override
    public void open(OpenContext context) {
      total = getRuntimeContext().getState(new ValueStateDescriptor<>("total", Long.class));
    }

    @Override
    public void processElement(
        Tuple3<String, Long, Long> window, Context context, Collector<Tuple4<String, Long, Long, Long>> out)
        throws Exception {
      Long before = total.value();
      long now = (before == null ? 0 : before) + window.f2;
      total.update(now);
      out.collect(Tuple4.of(window.f0, window.f1, window.f2, now));
    }
  }

  /** The record key of a result: its event key. A class, because Flink 2.2 cannot infer the types of a lambda here. */
  public static final class Key implements SerializationSchema<Tuple4<String, Long, Long, Long>> {
    private static final long serialVersionUID = 1L;

    @Override
    public byte[] serialize(Tuple4<String, Long, Long, Long> row) {
      return row.f0.getBytes(StandardCharsets.UTF_8);
    }
  }

  /** The record value of a result: one line of JSON. */
  public static final class Line implements SerializationSchema<Tuple4<String, Long, Long, Long>> {
    private static final long serialVersionUID = 1L;

    @Override
    public byte[] serialize(Tuple4<String, Long, Long, Long> row) {
      String json =
          "{\"key\":\"" + row.f0 + "\",\"windowStart\":" + row.f1 + ",\"count\":" + row.f2 + ",\"total\":" + row.f3 + "}";
      return json.getBytes(StandardCharsets.UTF_8);
    }
  }

  private static Map<String, String> parse(String[] args) {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      String name = args[i].startsWith("--") ? args[i].substring(2) : args[i];
      if (!KNOWN.contains(name)) throw new IllegalArgumentException("unknown argument: " + args[i]);
      if (i + 1 == args.length) throw new IllegalArgumentException("argument without a value: " + args[i]);
      given.put(name, args[i + 1]);
    }
    for (String name : new String[] {"brokers", "in", "out", "group"})
      if (!given.containsKey(name)) throw new IllegalArgumentException("missing argument: --" + name);
    return given;
  }

  private static OffsetsInitializer start(String from) {
    return switch (from) {
      case "committed" -> OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST);
      case "earliest" -> OffsetsInitializer.earliest();
      case "latest" -> OffsetsInitializer.latest();
      default -> throw new IllegalArgumentException("--start is committed, earliest or latest, not " + from);
    };
  }

  private static boolean exactlyOnce(String guarantee) {
    return switch (guarantee) {
      case "at-least-once" -> false;
      case "exactly-once" -> true;
      default ->
          throw new IllegalArgumentException("--guarantee is at-least-once or exactly-once, not " + guarantee);
    };
  }

  public static void main(String[] args) throws Exception {
    Map<String, String> given = parse(args);
    String brokers = given.get("brokers");
    String group = given.get("group");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.setParallelism(Integer.parseInt(given.getOrDefault("parallelism", "2")));
    if (given.containsKey("interval-ms")) env.enableCheckpointing(Long.parseLong(given.get("interval-ms")));

    KafkaSource<String> source =
        KafkaSource.<String>builder()
            .setBootstrapServers(brokers)
            .setGroupId(group)
            .setTopics(given.get("in"))
            .setStartingOffsets(start(given.getOrDefault("start", "committed")))
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .setProperty("partition.discovery.interval.ms", "0")
            .build();
    WatermarkStrategy<String> byEventTime =
        WatermarkStrategy.<String>forMonotonousTimestamps()
            .withTimestampAssigner((line, kafka) -> Long.parseLong(line.substring(line.lastIndexOf(',') + 1)));

    DataStream<Tuple4<String, Long, Long, Long>> counts =
        env.fromSource(source, byEventTime, "events")
            .uid("source")
            .map(new Parse(given.getOrDefault("fail-file", "")))
            .returns(new TypeHint<Tuple3<String, Long, Long>>() {})
            .uid("parse")
            .name("parse")
            .keyBy(event -> event.f0, TypeInformation.of(String.class))
            .window(
                TumblingEventTimeWindows.of(
                    Duration.ofMillis(Long.parseLong(given.getOrDefault("window-ms", "5000")))))
            .aggregate(new Count(), new Stamp())
            .uid("window")
            .name("window")
            .keyBy(window -> window.f0, TypeInformation.of(String.class))
            .process(new Total())
            .uid(given.getOrDefault("total-uid", "total"))
            .name("total");

    boolean exactlyOnce = exactlyOnce(given.getOrDefault("guarantee", "at-least-once"));
    Properties producer = new Properties();
    producer.setProperty("transaction.timeout.ms", given.getOrDefault("tx-timeout-ms", "600000"));
    KafkaSinkBuilder<Tuple4<String, Long, Long, Long>> sink =
        KafkaSink.<Tuple4<String, Long, Long, Long>>builder()
            .setBootstrapServers(brokers)
            .setKafkaProducerConfig(producer)
            .setRecordSerializer(
                KafkaRecordSerializationSchema.<Tuple4<String, Long, Long, Long>>builder()
                    .setTopic(given.get("out"))
                    .setKeySerializationSchema(new Key())
                    .setValueSerializationSchema(new Line())
                    .build())
            .setDeliveryGuarantee(
                exactlyOnce ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE);
    if (exactlyOnce) sink.setTransactionalIdPrefix(given.getOrDefault("tx-prefix", group));
    counts.sinkTo(sink.build()).uid("sink").name("sink");
    env.execute(given.getOrDefault("name", "window counts"));
  }
}
