using Exapyte.Client;
using Exapyte.Keyspaces;

namespace Exapyte.Providers;

/// <summary>
/// A keyspace that is created by its first use: a node in this very process can create it only once it runs. Thread-safe; a
/// use that failed is tried again by the next.
/// </summary>
internal sealed class EnsuredKeyspace(IExapyteClient client, string name, KeyspaceSettings settings)
{
    private readonly Lock gate = new();
    private Task<KeyspaceClient>? ensured;

    /// <exception cref="ExapyteException">It could not be created, or is another one.</exception>
    public Task<KeyspaceClient> GetAsync()
    {
        lock (gate)
        {
            return ensured is { IsFaulted: false, IsCanceled: false }
                ? ensured
                : ensured = client.EnsureKeyspaceAsync(name, settings);
        }
    }
}
