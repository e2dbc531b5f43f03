using Exapyte.Client;

var builder = WebApplication.CreateBuilder(args);
builder.AddExapyte(node =>
{
    node.Node = "n1";
    node.DataFolder = "./data";
    builder.Configuration.GetSection("Exapyte").Bind(node);
});
var app = builder.Build();

app.MapPut(
    "/users/{name}",
    async (string name, User user, IExapyteClient client, CancellationToken stop) =>
    {
        var users = await client.EnsureKeyspaceAsync("users", cancellationToken: stop);
        var written = await users.PutAsync(name, user, stop);
        return $"{written.Version}";
    }
);
app.MapGet(
    "/users/{name}",
    async (string name, IExapyteClient client, CancellationToken stop) =>
    {
        var user = await client.Keyspace("users").GetAsync<User>(name, stop);
        return user is null ? Results.NotFound() : Results.Ok(user.Value);
    }
);
app.MapExapyte();
app.Run();

record User(string Name, int Age);
