using Exapyte.Client;

string nodes = args.FirstOrDefault() ?? "127.0.0.1:30001,127.0.0.1:30002,127.0.0.1:30003";
await using var client = await ExapyteClient.ConnectAsync(nodes);
var users = await client.EnsureKeyspaceAsync("users");

await users.PutAsync("ada", new User("Ada", 36));
Entry<User>? ada = await users.GetAsync<User>("ada");
Console.WriteLine($"{ada!.Value} at version {ada.Version}");

// Only over what was read, and for a minute.
var older = ada.Value with
{
    Age = 37,
};
await users.PutAsync("ada", older, new() { IfVersion = ada.Version, Ttl = TimeSpan.FromMinutes(1) });
try
{
    await users.PutAsync("ada", older, new() { IfVersion = ada.Version });
}
catch (PreconditionFailedException taken)
{
    Console.WriteLine($"Somebody was faster: version {taken.CurrentVersion}");
}

await users.Batch().Put("alan", new User("Alan", 41)).Put("bob", new User("Bob", 20)).Delete("eve").ExecuteAsync();
await foreach (var entry in users.ScanAsync<User>(prefix: "a"))
{
    Console.WriteLine($"{entry.Key} is {entry.Value.Age}");
}
await foreach (var entry in users.QueryAsync<User>("doc.age >= @min", new { min = 40 }))
{
    Console.WriteLine($"{entry.Key} is 40 or older");
}

record User(string Name, int Age);
