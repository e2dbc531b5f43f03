using System.Net;
using System.Text;
using Exapyte.Testing.Processes;
using FreePorts = Exapyte.Testing.Processes.FreePorts;

namespace Exapyte.Silo.Tests.Hosting;

/// <summary>The executable of the gateway as a child process.</summary>
internal sealed class GatewayProcess : IAsyncDisposable
{
    private readonly ChildProcess process;
    private readonly HttpClient http;

    private GatewayProcess(ChildProcess process, HttpClient http) => (this.process, this.http) = (process, http);

    /// <summary>A client of it.</summary>
    public HttpClient Http => http;

    public string Output => process.Output;

    public string Error => process.StandardError;

    /// <summary>Starts it on a free port.</summary>
    /// <param name="http">A client of it, whose base address is set; null: one of its own, without TLS.</param>
    /// <param name="args">What stands behind the address.</param>
    public static GatewayProcess Launch(HttpClient? http, params string[] args) =>
        LaunchAt(new($"{(http is null ? "http" : "https")}://127.0.0.1:{FreePorts.Next()}"), http, args);

    /// <summary>Starts it at an address.</summary>
    public static GatewayProcess LaunchAt(Uri address, HttpClient? http, params string[] args)
    {
        http ??= new();
        http.BaseAddress = address;
        string program = Path.Combine(AppContext.BaseDirectory, "Exapyte.Gateway.dll");
        // Those of the tests are no settings, and it would say so.
        string[] variables =
        [
            .. Environment
                .GetEnvironmentVariables()
                .Keys.Cast<string>()
                .Where(name => name.StartsWith("EXAPYTE_", StringComparison.Ordinal))
                .SelectMany(name => new[] { "-u", name }),
        ];
        return new(new("env", [.. variables, "dotnet", program, "--http", $"{address}", .. args]), http);
    }

    /// <summary>Waits until it says that it serves.</summary>
    public Task WaitUntilReadyAsync() =>
        Poll.UntilAsync(
            "the gateway is ready",
            TimeSpan.FromMinutes(2),
            () =>
                !process.HasExited
                    ? Task.FromResult(Output.Contains("Ready.", StringComparison.Ordinal))
                    : throw new InvalidOperationException(Output),
            () => Output
        );

    /// <summary>SIGTERM; returns the exit code.</summary>
    public Task<int> StopAsync()
    {
        process.Terminate();
        return WaitForExitAsync();
    }

    public Task<int> WaitForExitAsync() => process.WaitForExitAsync(TimeSpan.FromMinutes(2));

    /// <summary>One request.</summary>
    public async Task<(HttpStatusCode Status, string Body)> SendAsync(
        HttpMethod method,
        string path,
        string? body = null
    )
    {
        using HttpRequestMessage request = new(method, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8);
        using HttpResponseMessage answer = await http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        http.Dispose();
    }
}
