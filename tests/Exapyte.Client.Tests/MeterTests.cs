using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;
using Microsoft.Extensions.DependencyInjection;

namespace Exapyte.Client.Tests;

public sealed class MeterTests(ScriptedSilo silo)
{
    [Fact]
    public async Task Operations_are_counted_by_outcome_and_tries_and_batches_too()
    {
        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var factory = services.GetRequiredService<IMeterFactory>();
        ConcurrentBag<string> seen = [];
        using var listener = Listen(factory, seen);
        var keyspace = new ScriptedKeyspace();
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;
        await using var client = new OpenedKeyspace(
            new(silo.InsideGrains, insideSilo: true, ScriptedSilo.Patient(), TimeProvider.System, factory),
            keyspace.Name
        );

        await client.Put("a");
        await client.Get("absent");
        await client.Run(Ops.Put(""));
        await client.Batch([Ops.Put("b"), Ops.Put("c")]);

        string[] expected =
        [
            "exapyte.client.batch.operations 1 ",
            "exapyte.client.batch.operations 1 ",
            "exapyte.client.batch.operations 1 ",
            "exapyte.client.batch.operations 2 ",
            "exapyte.client.operations 1 Invalid",
            "exapyte.client.operations 1 NotFound",
            "exapyte.client.operations 1 Ok",
            "exapyte.client.operations 1 Ok",
            "exapyte.client.operations 1 Ok",
            "exapyte.client.retries 1 ",
        ];
        Assert.Equal(expected, seen.Order(StringComparer.Ordinal));
    }

    private static MeterListener Listen(IMeterFactory factory, ConcurrentBag<string> seen)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "Exapyte.Client" && instrument.Meter.Scope == factory)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
        return listener;

        void Note(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            seen.Add($"{instrument.Name} {value} {(tags.IsEmpty ? "" : tags[0].Value)}");
    }
}
