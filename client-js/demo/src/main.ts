document.getElementById("root")!.textContent = "";
