## lab
