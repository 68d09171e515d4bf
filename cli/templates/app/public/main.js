// The page is served by the deployment itself. From elsewhere, put its URL here.
const client = new convex.ConvexClient(location.origin);
const { messages } = convex.anyApi;

const list = document.getElementById("messages");
const form = document.getElementById("send");
const error = document.getElementById("error");

client.onUpdate(messages.list, {}, (all) => {
  list.replaceChildren(
    ...all.map(({ author, body }) => {
      const item = document.createElement("li");
      const name = document.createElement("strong");
      name.textContent = `${author}: `;
      item.append(name, body);
      return item;
    }),
  );
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { author, body } = Object.fromEntries(new FormData(form));
  try {
    error.textContent = "";
    await client.mutation(messages.send, { author, body });
    form.elements.body.value = "";
  } catch (failure) {
    error.textContent = failure.message;
  }
});
