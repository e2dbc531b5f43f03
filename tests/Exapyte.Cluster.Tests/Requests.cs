using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>
/// Requests of a client that wants an answer. A service may say "not now", or be slower than the client's patience, while
/// it elects or votes, and on a busy machine at any time: then they are sent again. What it does say must be right at once.
/// </summary>
static class Requests
{
    /// <summary>Writes an entry, as often as it takes until that is acknowledged.</summary>
    public static Task TakesAsync(RestClient client, string keyspace, string key, ReadOnlyMemory<byte> value) =>
        RepeatAsync(
            $"{client.Url} takes {keyspace}/{key}",
            client,
            () => client.PutAsync(keyspace, key, value),
            answer => answer.IsSuccess
        );

    /// <summary>Reads an entry until the service says what is there.</summary>
    public static Task<RestAnswer> ReadAsync(RestClient client, string keyspace, string key) =>
        RepeatAsync(
            $"{client.Url} answers a read of {keyspace}/{key}",
            client,
            () => client.GetAsync(keyspace, key),
            answer => answer.TellsWhatIsThere
        );

    /// <summary>Asks for something that must be there until it is given.</summary>
    public static Task<RestAnswer> GetAsync(RestClient client, string what, Func<Task<RestAnswer>> ask) =>
        RepeatAsync($"{client.Url} gives {what}", client, ask, answer => answer.IsSuccess);

    static async Task<RestAnswer> RepeatAsync(
        string what,
        RestClient client,
        Func<Task<RestAnswer>> ask,
        Func<RestAnswer, bool> isAnswer
    )
    {
        RestAnswer? last = null;
        await Poll.UntilAsync(
            what,
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                last = await ask();
                if (isAnswer(last))
                    return true;
                Assert.False(last.IsRefusedForGood, $"{what}: {last}\n{client.ServerOutput()}");
                return false;
            },
            () => $"{last}\n{client.ServerOutput()}"
        );
        return last!;
    }
}
