using System.Net;

namespace Exapyte.Gateway.Security;

/// <summary>
/// One line for each refusal and each administrative act, under the category <c>Exapyte.Audit</c>: who, what, from where,
/// how it ended. Never a secret, an entry's key or a value.
/// </summary>
internal sealed partial class AuditLog(ILoggerFactory loggers)
{
    /// <summary>The category of the lines.</summary>
    public const string Category = "Exapyte.Audit";

    private const string Unknown = "-";
    private readonly ILogger logger = loggers.CreateLogger(Category);

    /// <summary>A call was refused for who made it.</summary>
    /// <param name="who">The key's id; empty where none was shown that is known.</param>
    /// <param name="what">Method and route.</param>
    /// <param name="keyspace">The keyspace; empty where the call names none.</param>
    /// <param name="from">The caller's address.</param>
    /// <param name="status">The answer's status.</param>
    /// <param name="unwritten">Refusals of the same address before it that had no line of their own.</param>
    public void Refused(string who, string what, string keyspace, IPAddress? from, int status, long unwritten)
    {
        (who, keyspace) = (Shown(who), Shown(keyspace));
        LogRefused(logger, who, what, keyspace, from, status, unwritten);
    }

    /// <summary>An administrative call was answered.</summary>
    public void Done(string who, string what, string keyspace, IPAddress? from, int status)
    {
        (who, keyspace) = (Shown(who), Shown(keyspace));
        LogDone(logger, who, what, keyspace, from, status);
    }

    private static string Shown(string text) => text.Length == 0 ? Unknown : text;

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Refused: key {Who}, {What}, keyspace {Keyspace}, from {From}, status {Status}, {Unwritten} more before it"
    )]
    private static partial void LogRefused(
        ILogger logger,
        string who,
        string what,
        string keyspace,
        IPAddress? from,
        int status,
        long unwritten
    );

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Administrative: key {Who}, {What}, keyspace {Keyspace}, from {From}, status {Status}"
    )]
    private static partial void LogDone(
        ILogger logger,
        string who,
        string what,
        string keyspace,
        IPAddress? from,
        int status
    );
}
