using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Exapyte.Client.Security;

/// <summary>
/// What is made of files that are replaced while the process runs, as certificates are. Looks at their contents when it is
/// asked, at most once a second. New files that cannot be used, such as a certificate whose key has not been replaced yet,
/// leave what was there in use, and are tried again. Thread-safe.
/// </summary>
internal sealed partial class ReloadedFiles<T>
    where T : class
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly string[] paths;
    private readonly Func<T> load;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Lock looking = new();
    private volatile T current;
    private byte[] digest;
    private byte[] refused = [];
    private long lookAt;

    /// <summary>Loads the files; throws what loading them throws.</summary>
    public ReloadedFiles(IEnumerable<string> paths, Func<T> load, TimeProvider time, ILogger logger)
    {
        (this.paths, this.load, this.time, this.logger) = ([.. paths], load, time, logger);
        digest = Digest();
        current = load();
        lookAt = Next();
    }

    /// <summary>What the files held when they could last be used.</summary>
    public T Current
    {
        get
        {
            if (time.GetTimestamp() >= Volatile.Read(ref lookAt) && looking.TryEnter())
            {
                try
                {
                    Look();
                }
                finally
                {
                    looking.Exit();
                }
            }
            return current;
        }
    }

    private void Look()
    {
        Volatile.Write(ref lookAt, Next());
        byte[] found = [];
        try
        {
            found = Digest();
            if (found.AsSpan().SequenceEqual(digest))
            {
                return;
            }
            current = load();
            digest = found;
            LogReloaded(logger, paths[0]);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException)
        {
            if (!found.AsSpan().SequenceEqual(refused) || found.Length == 0)
            {
                LogNotReloaded(logger, paths[0], failure.Message);
            }
            refused = found;
        }
    }

    private byte[] Digest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in paths)
        {
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(path)));
        }
        return hash.GetHashAndReset();
    }

    private long Next() => time.GetTimestamp() + (long)(Interval.TotalSeconds * time.TimestampFrequency);

    [LoggerMessage(LogLevel.Information, "The certificate files of {Path} were replaced: the new ones are in use")]
    private static partial void LogReloaded(ILogger logger, string path);

    [LoggerMessage(
        LogLevel.Error,
        "The certificate files of {Path} were replaced by ones that cannot be used, so the old ones stay in use: {Reason}"
    )]
    private static partial void LogNotReloaded(ILogger logger, string path, string reason);
}
