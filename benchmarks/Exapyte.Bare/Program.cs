// The least that an HTTP service on this stack can do: it answers a GET with the same 256 bytes each time, and reads the
// body of a PUT and forgets it. What Exapyte takes beyond this is the price of keeping data.
var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { Args = args });
builder.WebHost.UseKestrelCore();
builder.WebHost.UseUrls(args is [var url] ? url : "http://127.0.0.1:8090");
await using var application = builder.Build();

var value = new byte[256];
Random.Shared.NextBytes(value);

application.Run(async context =>
{
    if (HttpMethods.IsGet(context.Request.Method))
    {
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = value.Length;
        await context.Response.BodyWriter.WriteAsync(value, context.RequestAborted);
        return;
    }
    for (var read = await context.Request.BodyReader.ReadAsync(); ; read = await context.Request.BodyReader.ReadAsync())
    {
        context.Request.BodyReader.AdvanceTo(read.Buffer.End);
        if (read.IsCompleted)
            break;
    }
    context.Response.StatusCode = StatusCodes.Status204NoContent;
});
await application.RunAsync();
