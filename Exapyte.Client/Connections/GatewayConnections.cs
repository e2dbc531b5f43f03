namespace Exapyte.Client.Connections;

/// <summary>
/// What is known of the connections to nodes of a client that is none of them. Thread-safe.
/// </summary>
/// <param name="isTold">
/// Whether Orleans tells it. A silo's own client has no such connections, and of an application's own Orleans client nothing is
/// known: then something may always have been sent.
/// </param>
internal sealed class GatewayConnections(bool isTold) : IClusterConnectionStatusObserver
{
    /// <summary>The mark of a moment at which something was connected.</summary>
    private const long Connected = -1;

    private int connected;
    private long opened;

    /// <summary>A connection broke: what was asked over it is never answered.</summary>
    public Action Lost { get; set; } = static () => { };

    /// <summary>A mark of this moment, for <see cref="NothingSince"/>.</summary>
    public long Mark()
    {
        var before = Volatile.Read(ref opened);
        return isTold && Volatile.Read(ref connected) == 0 ? before : Connected;
    }

    /// <summary>Whether no connection has been there since the mark, so that nothing can have been sent.</summary>
    public bool NothingSince(long mark) => mark != Connected && Volatile.Read(ref opened) == mark;

    /// <inheritdoc/>
    public void NotifyGatewayCountChanged(
        int currentNumberOfGateways,
        int previousNumberOfGateways,
        bool connectionRecovered
    )
    {
        // By the difference: notices of two connections may come in another order than their counts were taken.
        var change = currentNumberOfGateways - previousNumberOfGateways;
        if (change > 0)
        {
            Interlocked.Increment(ref opened);
        }
        Interlocked.Add(ref connected, change);
        if (change < 0)
        {
            Lost();
        }
    }

    /// <inheritdoc/>
    public void NotifyClusterConnectionLost() { }
}
