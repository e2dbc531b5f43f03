using System.Diagnostics;
using System.Text;
using Exapyte.Operations;

namespace Exapyte.Client.Tests.Scripted;

/// <summary>Short words for operations.</summary>
internal static class Ops
{
    public static Operation Put(
        string key,
        string value = "v",
        string? requestId = null,
        ConsistencyLevel level = ConsistencyLevel.Default
    ) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Bytes(key),
            Value = Bytes(value),
            RequestId = requestId,
            Level = level,
        };

    public static Operation Get(string key, ConsistencyLevel level = ConsistencyLevel.Default) =>
        new()
        {
            Kind = OperationKind.Get,
            Key = Bytes(key),
            Level = level,
        };

    public static Operation Delete(string key) => new() { Kind = OperationKind.Delete, Key = Bytes(key) };

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    /// <summary>Waits until the condition holds; fails after a minute.</summary>
    public static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    /// <summary>Waits until the condition holds; fails after a minute.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromMinutes(1), "The condition never held.");
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }
}
