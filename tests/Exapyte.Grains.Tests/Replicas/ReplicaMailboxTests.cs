using System.Collections.Concurrent;
using System.Diagnostics;
using Exapyte.Grains.Replicas;

namespace Exapyte.Grains.Tests.Replicas;

public class ReplicaMailboxTests
{
    [Fact]
    public async Task An_input_posted_while_whoever_works_is_about_to_leave_is_never_forgotten()
    {
        // Where leaving and looking once more are not fenced, some input in a hundred thousand rounds stays for good.
        var race = new Race(length: TimeSpan.FromSeconds(4));

        await Task.WhenAll(
            Task.Factory.StartNew(() => race.Run(isFirst: true), TaskCreationOptions.LongRunning),
            Task.Factory.StartNew(() => race.Run(isFirst: false), TaskCreationOptions.LongRunning)
        );

        Assert.True(race.Rounds > 100, $"Only {race.Rounds} rounds were run.");
        Assert.False(race.IsStuck, $"After {race.Rounds} rounds an input was left in the mailbox.");
    }

    /// <summary>
    /// Two threads post one input each, at the same time, and wait until both inputs were worked on: an input that is left
    /// is not saved by the next one.
    /// </summary>
    private sealed class Race
    {
        private readonly TimeSpan length;
        private readonly long began = Stopwatch.GetTimestamp();
        private readonly ReplicaMailbox<int> mailbox;
        private int worked;
        private volatile bool isStuck;
        private volatile int last = int.MaxValue;

        public Race(TimeSpan length)
        {
            this.length = length;
            mailbox = new(int.MaxValue, Work);
        }

        public int Rounds { get; private set; }

        public bool IsStuck => isStuck;

        public void Run(bool isFirst)
        {
            for (var round = 1; !isStuck; round++)
            {
                if (isFirst)
                {
                    Rounds = round;
                    if (Stopwatch.GetElapsedTime(began) > length)
                    {
                        last = round;
                    }
                }
                mailbox.Post(round, inline: true);
                AwaitBoth(2 * round);
                // Said before the input of this round was posted. The other one may hear of it a round early, and has that
                // round to go still: whoever left then would be waited for in vain.
                if (round >= last)
                {
                    return;
                }
            }
        }

        private void Work(ConcurrentQueue<int> queue)
        {
            while (queue.TryDequeue(out _))
            {
                worked++;
            }
        }

        private void AwaitBoth(int count)
        {
            var since = Stopwatch.GetTimestamp();
            for (var spins = 1; Volatile.Read(ref worked) < count && !isStuck; spins++)
            {
                if (spins % 10_000 == 0)
                {
                    Thread.Yield();
                    isStuck |= Stopwatch.GetElapsedTime(since) > TimeSpan.FromSeconds(10);
                }
            }
        }
    }
}
